"""Versions of git and of Python: read, ordered, shown."""

import pytest
from packaging.version import Version

from mrk.updates.versions import described, is_on_channel, package_version, tag_version

TAGS = ["v0.8.0-alpha1", "v0.8.0-beta1", "v0.8.0b2", "0.8.0rc1", "v0.8.0", "v0.8.1", "v0.10", "v1"]
PACKAGES = [
    "1.0.dev1", "1.0a1.dev1", "1.0a1", "1.0b1", "1.0rc1", "1.0", "1.0+local", "1.0.post1.dev1",
    "1.0.post1", "1.0.1", "1.10", "1!0.1",
]  # fmt: skip


def test_tags_in_order():
    keys = [tag_version(tag).key for tag in TAGS]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("tag", ["", "nightly", "v", "release-5", "v1.2-3-g0", "v1.2.x"])
def test_no_version(tag):
    assert tag_version(tag) is None
    assert not is_on_channel(tag, "beta")


def test_channels():
    assert [tag for tag in TAGS if is_on_channel(tag, "stable")] == [
        "v0.8.0", "v0.8.1", "v0.10", "v1",
    ]  # fmt: skip
    assert [tag for tag in TAGS if not is_on_channel(tag, "beta")] == ["v0.8.0-alpha1"]


@pytest.mark.parametrize(
    ("text", "short", "full"),
    [
        ("v0.12.0-300-gabcdef12", "v0.12.0-300", "v0.12.0-300-gabcdef12"),
        ("v0.12.0-0-gabcdef12-dirty", "v0.12.0-0", "v0.12.0-0-gabcdef12-dirty"),
        ("v1.0-beta-2-5-gabc", "v1.0-beta-2-5", "v1.0-beta-2-5-gabc"),
        ("abcdef12", "v0.0.0-7", "v0.0.0-7-gabcdef12-inferred"),
        ("abcdef12-dirty", "v0.0.0-7", "v0.0.0-7-gabcdef12-dirty-inferred"),
    ],
)
def test_described(text, short, full):
    found = described(text, 7)
    assert (found.short, found.full) == (short, full)
    assert described(found.full).full == full


def test_more_commits_are_newer():
    assert described("v1.0-10-gabc").key > described("v1.0-9-gabc").key
    assert described("v1.0.1-0-gabc").key > described("v1.0-9-gabc").key


@pytest.mark.parametrize("text", ["?", "", "v1.0"])
def test_not_described(text):
    assert described(text) is None


def test_an_unordered_tag_says_so():
    with pytest.raises(ValueError, match="is not a version"):
        _ = described("nightly-3-gabc").key


def test_packages_in_order():
    keys = [package_version(text).key for text in PACKAGES]
    assert keys == sorted(keys)


@pytest.mark.parametrize(
    ("text", "short"), [("1.2", "v1.2"), ("1.2.dev3", "v1.2-3"), ("1.2rc1.post2", "v1.2rc1.post2")]
)
def test_packages_shown(text, short):
    assert package_version(text).short == short
    assert package_version("what") is None


def test_one_version_written_in_two_ways():
    assert package_version("1.0").key == package_version("1.0.0").key
    assert package_version("1.0-1").key == package_version("1.0.post1").key


WRITTEN = [
    "0", "0.0.0", "1", "1.0", "1.0.0.0", "v1.0", "V1.0a", "1.0a0", "1.0-alpha.1", "1.0_beta2",
    "1.0b2.post3", "1.0b2.post3.dev4", "1.0c1", "1.0RC2", "1.0pre3", "1.0.preview4", "1.0-r5",
    "1.0.rev6", "1.0post", "1.0.post0", "1.0-7", "1.0.dev", "1.0.dev0", "1.0dev10", "1.0-DEV-2",
    "1.0.post1.dev3", "1.0+abc", "1.0+ABC.2", "1.0+abc.10", "1.0+5", "1.0+abc-1", "1.0+5.abc",
    "1.0a1.dev3", "1.0.1", "1.10", "2!0.1", "0!3",
]  # fmt: skip


def test_the_order_is_pythons_own():
    ours = {text: package_version(text) for text in WRITTEN}
    for one, first in ours.items():
        for other, second in ours.items():
            theirs = Version(one) < Version(other), Version(one) == Version(other)
            assert (first.key < second.key, first.key == second.key) == theirs, (one, other)


@pytest.mark.parametrize(
    ("tag", "stage", "number"),
    [
        ("v1.0-ALPHA2", 0, 2),
        ("v1.0a", 0, 0),
        ("v1.0b3", 1, 3),
        ("1.0c1", 2, 1),
        ("1.0-RC", 2, 0),
        ("V1.0.pre.4", 2, 4),
    ],
)
def test_stages(tag, stage, number):
    found = tag_version(tag)
    assert (found.stage, found.number) == (stage, number)
    assert is_on_channel(tag, "beta") is (stage > 0)
    assert not is_on_channel(tag, "stable")


def test_described_in_other_ways():
    assert described(" v1.0-3 \n") == described("v1.0-3")
    assert described("v1.0-3").hash == ""
    assert described("abcdef1").commits == 0
