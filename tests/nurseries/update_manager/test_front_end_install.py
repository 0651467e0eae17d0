"""The first installation of a front end: from a release, from a file, and what is refused."""

import errno
import gzip
import hashlib
import io
import re
import zipfile
from pathlib import Path

import pytest
import trio

from mrk.updates.known_front_ends import KNOWN_FRONT_ENDS
from mrk.updates.update_errors import UpdateFailed
from nurseries.http_client.client import HttpClient
from nurseries.update_manager import front_end_install
from nurseries.update_manager.compressed import compress_beside
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.front_end_install import (
    FrontEndInstall,
    installed_version,
    remove_front_end,
)
from nurseries.update_manager.github import GitHub
from tests.fakes.github import FakeGitHub, open_github

pytestmark = pytest.mark.e2e
KNOWN = KNOWN_FRONT_ENDS["mainsail"]
SCRIPT = b"let a = 1;\n" * 1000
INFO = b'{"project_name": "mainsail", "project_owner": "mainsail-crew", "version": "v2.1"}'


def archive(**more: bytes) -> bytes:
    files = {"index.html": b"<html>", "release_info.json": INFO, "config.json": b"{}" * 2000}
    files |= {
        "assets/a.js": SCRIPT,
        **{name.replace("__", "/"): data for name, data in more.items()},
    }
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            if data:
                zipped.writestr(name, data)
    return raw.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "mainsail.zip"
    made.write_bytes(archive())
    return made


def installing(path: Path) -> FrontEndInstall:
    return FrontEndInstall(path, lambda _line: None)


def alone(path: Path) -> bool:
    """Whether nothing was left beside it."""
    return [one for one in path.parent.iterdir() if one.name.startswith(".")] == []


async def from_github(github: FakeGitHub, path: Path) -> str:
    http = HttpClient()
    source = GitHub(http, base_url=github.url, between_s=0)
    found = await installing(path).from_release(
        KNOWN, "stable", source, Downloader(http, source.scheme)
    )
    assert found is not None
    return found.version


async def test_a_release(tmp_path: Path) -> None:
    path = tmp_path / "home/mainsail"
    async with open_github() as github:
        github.publish("mainsail-crew/mainsail", "v2.1", archive(), asset="mainsail.zip")
        assert await from_github(github, path) == "v2.1"
    assert installed_version(path) == "v2.1"
    assert gzip.decompress((path / "assets/a.js.gz").read_bytes()) == SCRIPT
    # What people edit has no second form.
    assert not (path / "config.json.gz").exists()
    assert alone(path)


@pytest.mark.parametrize("digest", ["f" * 64])
async def test_a_wrong_hash_leaves_nothing(tmp_path: Path, digest: str) -> None:
    path = tmp_path / "mainsail"
    async with open_github() as github:
        data = archive()
        github.publish("mainsail-crew/mainsail", "v2.1", data, asset="mainsail.zip", digest=digest)
        with pytest.raises(UpdateFailed, match="is not what was published"):
            await from_github(github, path)
    assert not path.exists()
    assert alone(path)


async def test_offline_says_where_the_archive_is(tmp_path: Path) -> None:
    path = tmp_path / "mainsail"
    http = HttpClient()
    source = GitHub(http, base_url="http://127.0.0.1:1", between_s=0)
    with pytest.raises(UpdateFailed) as caught:
        await installing(path).from_release(KNOWN, "stable", source, Downloader(http, "http://"))
    told = str(caught.value)
    assert "https://github.com/mainsail-crew/mainsail/releases/latest/download/mainsail.zip" in told
    assert str(path) in told
    assert not path.exists()


async def test_a_file_and_its_hash(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "mainsail"
    with pytest.raises(UpdateFailed, match="nothing was done"):
        await installing(path).from_archive(file, "a" * 64)
    assert not path.exists()
    found = await installing(path).from_archive(file, hashlib.sha256(file.read_bytes()).hexdigest())
    assert found is not None
    assert path.stat().st_mode & 0o777 == 0o755
    # Again: what a person has changed stays.
    (path / "config.json").write_bytes(b"mine")
    (path / "old.js").write_bytes(b"old")
    await installing(path).from_archive(file, None)
    assert (path / "config.json").read_bytes() == b"mine"
    assert not (path / "old.js").exists()
    assert alone(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"index.html": b""}, "no index.html"),
        ({"..__x": b"1"}, "has a file of the name"),
        ({"bomb.js": b"0" * 30_000_000}, "times its size"),
    ],
)
async def test_archives_that_are_refused(
    tmp_path: Path, content: dict[str, bytes], reason: str
) -> None:
    made = tmp_path / "x.zip"
    made.write_bytes(archive(**content))
    with pytest.raises(UpdateFailed, match=reason):
        await installing(tmp_path / "mainsail").from_archive(made, None)
    assert not (tmp_path / "mainsail").exists()


@pytest.mark.parametrize("named", [("a.js.gz",), ()], ids=["named", "without a name"])
async def test_a_disk_that_refuses(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch, named: tuple[str, ...]
) -> None:
    def refuse(*_given: object) -> int:
        # A write has no name, an open has.
        raise OSError(errno.ENOSPC, "No space left on device", *named)

    monkeypatch.setattr(front_end_install, "compress_beside", refuse)
    told = ": ".join([*named, "No space left on device"])
    with pytest.raises(UpdateFailed, match=f"^{re.escape(told)}$"):
        await installing(tmp_path / "mainsail").from_archive(file, None)
    assert not (tmp_path / "mainsail").exists()
    assert alone(tmp_path / "mainsail")


async def test_a_second_one_at_the_same_time_is_refused(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "mainsail"
    said: list[str] = []

    async def second() -> None:
        with pytest.raises(UpdateFailed, match="already"):
            await installing(path).from_archive(file, None)
        # Another place is no matter of this one.
        await installing(tmp_path / "fluidd").from_archive(file, None)
        said.append("second")

    async with trio.open_nursery() as nursery:

        def tell(line: str) -> None:
            if not said:
                said.append(line)
                nursery.start_soon(second)

        await FrontEndInstall(path, tell).from_archive(file, None)
    assert said[1:] == ["second"]
    assert installed_version(path) == installed_version(tmp_path / "fluidd") == "v2.1"
    await installing(path).from_archive(file, None)
    assert alone(path)


async def test_a_place_of_somebody_else_is_left_alone(tmp_path: Path, file: Path) -> None:
    path = tmp_path / "mainsail"
    path.mkdir()
    (path / "letter.txt").touch()
    with pytest.raises(UpdateFailed, match="holds no front end"):
        await installing(path).from_archive(file, None)
    with pytest.raises(UpdateFailed, match="no front end"):
        remove_front_end(path)
    assert (path / "letter.txt").exists()
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(UpdateFailed, match="is a link"):
        remove_front_end(link)
    (path / "index.html").touch()
    (path / ".git").mkdir()
    with pytest.raises(UpdateFailed, match="more than a front end"):
        remove_front_end(path)
    (path / ".git").rmdir()
    remove_front_end(path)
    assert not path.exists()


def test_sizes_at_their_edge(tmp_path: Path) -> None:
    for size in (1399, 1400, 16 * 1024 * 1024, 16 * 1024 * 1024 + 1):
        (tmp_path / f"a{size}.js").write_bytes(b"0" * size)
    assert compress_beside(tmp_path, (), lambda: None) == 2
    packed = {one.name for one in tmp_path.glob("*.gz")}
    assert packed == {"a1400.js.gz", "a16777216.js.gz"}


def test_what_is_compressed(tmp_path: Path) -> None:
    for name, data in {
        "a.js": SCRIPT,
        "small.js": b"1",
        "b.png": b"0" * 5000,
        "c.css": bytes(range(256)) * 6,
        "kept/d.js": SCRIPT,
        "e.js": SCRIPT,
        "e.js.gz": b"there",
        "font.ttf": b"0" * 5000,
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    (tmp_path / "link.js").symlink_to("a.js")
    compress_beside(tmp_path, ["kept"], lambda: None)
    packed = {one.name for one in tmp_path.rglob("*.gz")}
    assert packed == {"a.js.gz", "c.css.gz", "e.js.gz", "font.ttf.gz"}
    assert (tmp_path / "e.js.gz").read_bytes() == b"there"
    assert (tmp_path / "a.js.gz").stat().st_mtime_ns == (tmp_path / "a.js").stat().st_mtime_ns
