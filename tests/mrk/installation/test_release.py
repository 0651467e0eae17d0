"""What is believed of a release, and what an archive may contain."""

import json

import pytest

from mrk.errors import MrkError
from mrk.installation.release import (
    MOST_BYTES,
    Archive,
    OwnRelease,
    archive_for,
    check_members,
    check_version,
    parse_release,
)
from mrk.updates.python_package import is_newer


def release(**changes: object) -> bytes:
    known = {"form": 1, "version": "1.0.0", "channel": "stable", "archives": {}}
    return json.dumps({**known, **changes}).encode()


def test_a_release():
    assert parse_release(release(notes="x")) == OwnRelease(
        form=1, version="1.0.0", channel="stable", archives={}, notes="x"
    )


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no", "release.json cannot be read"),
        (release(form=2), "release.json has form 2; this mrk reads form 1"),
        (release(version="../x"), "'../x' is no version; expected one like 1.2.0"),
        (release(version=1), "cannot be read"),
    ],
)
def test_what_is_none(data, told):
    with pytest.raises(MrkError, match=told):
        parse_release(data)


def test_the_archive_of_this_machine():
    good = Archive(url="a", sha256="0" * 64, size_bytes=MOST_BYTES)
    found = parse_release(release())
    with pytest.raises(MrkError, match=r"1\.0\.0 has no archive for x-cp311; there are: none"):
        archive_for(found, "x-cp311")

    def of(archive: Archive) -> Archive:
        one = OwnRelease(form=1, version="1", channel="beta", archives={"x": archive})
        return archive_for(one, "x")

    assert of(good) is good
    for sha256, size in (("0" * 63, 1), ("Z" * 64, 1), ("0" * 64, 0), ("0" * 64, MOST_BYTES + 1)):
        with pytest.raises(MrkError, match="no good hash, or no good size"):
            of(Archive(url="a", sha256=sha256, size_bytes=size))


def test_newer():
    ordered = ["0.9", "1.0a1", "1.0b2", "1.0rc1", "1.0.0", "1.0.1", "1.2", "1.10"]
    for index, version in enumerate(ordered):
        check_version(version)
        assert not is_newer(version, version)
        for later in ordered[index + 1 :]:
            assert is_newer(later, version)
            assert not is_newer(version, later)
    assert not is_newer("1.0", "1.0.0")


@pytest.mark.parametrize(
    ("name", "is_file"),
    [("wheels/../x.whl", True), ("/x", True), ("x.whl", True), ("wheels/a/b.whl", True),
     ("wheels/x.tar", True), ("install", False)],
)  # fmt: skip
def test_strange_members(name, is_file):
    check_members([("wheels/a-1.whl", True), ("requirements.txt", True), ("install", True)])
    with pytest.raises(MrkError, match="that no release has"):
        check_members([(name, is_file)])
