"""Updates and rollbacks of web, zip and executable items; archives and servers that lie."""

import gzip
import io
import json
import os
import stat
import warnings
import zipfile

import msgspec
import pytest
import trio

from config.settings.update_items import DependencySettings, UpdateItemSettings
from mrk.errors import ClientError
from tests.fakes.github import open_github
from tests.fakes.web_server import response
from tests.nurseries.update_manager.house import UpdateHouse, running

pytestmark = pytest.mark.e2e


def info(version, **more):
    return json.dumps(
        {"project_name": "thing", "project_owner": "owner", "version": version, **more}
    )


def archive(version="v1.1.0", files=None, **entries):
    """A zip; values of `files` are texts, or (ZipInfo, text)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        if version is not None:
            zipped.writestr("release_info.json", info(version))
        for name, text in {"index.html": version or "", **(files or {})}.items():
            zipped.writestr(name, text)
    return out.getvalue()


@pytest.fixture
async def github():
    async with open_github() as server:
        yield server


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "home" / "thing"
    path.mkdir(parents=True)
    (path / "release_info.json").write_text(info("v1.0.0"))
    (path / "index.html").write_text("v1.0.0")
    (path / "config.json").write_text("mine")
    return path


@pytest.fixture
def web(folder):
    return UpdateItemSettings(
        name="thing",
        type="web",
        path=folder,
        repo=("owner", "thing"),
        persistent_files=("config.json", "themes"),
    )


@pytest.fixture
def house(tmp_path, github, web):
    house = UpdateHouse(tmp_path, github.url, web)
    house.idle_s = 0.5
    return house


async def fails(house, method="upgrade", **params):
    with pytest.raises(ClientError) as caught:
        await house.call(method, name="thing", **params)
    return caught.value.status, str(caught.value)


def is_untouched(folder):
    assert (folder / "index.html").read_text() == "v1.0.0"
    assert json.loads((folder / "release_info.json").read_text())["version"] == "v1.0.0"
    assert (folder / "config.json").read_text() == "mine"
    return sorted(path.name for path in folder.parent.iterdir()) == ["thing"]


async def test_an_update_and_back(house, github, folder):
    github.publish("owner/thing", "v1.0.0", archive("v1.0.0"))
    run = zipfile.ZipInfo("bin/run")
    run.external_attr = (stat.S_IFREG | 0o4755) << 16
    content = archive(files={"config.json": "theirs", "js/app.js": "x" * 100_000})
    with zipfile.ZipFile(buffer := io.BytesIO(content), "a") as zipped:
        zipped.writestr(run, "#!/bin/sh\n")
    github.publish("owner/thing", "v1.1.0", buffer.getvalue())
    (folder / "themes").mkdir()
    (folder / "themes" / "a.css").write_text("mine")
    (folder / "themes" / "large.css").write_text("mine " * 1000)
    (folder / "old.js").write_text("old")
    async with running(house):
        assert await house.call("client", name="thing") == "ok"
        found = (await house.call("status"))["version_info"]["thing"]
        assert (found["version"], found["remote_version"]) == ("v1.1.0", "v1.1.0")
        assert (found["rollback_version"], found["is_valid"]) == ("v1.0.0", True)
        assert (folder / "index.html").read_text() == "v1.1.0"
        assert (folder / "config.json").read_text() == "mine"
        assert (folder / "themes" / "a.css").read_text() == "mine"
        assert not (folder / "old.js").exists()
        # What is asked for often lies there compressed; what people edit does not.
        assert gzip.decompress((folder / "js/app.js.gz").read_bytes()) == b"x" * 100_000
        assert [path.name for path in folder.rglob("*.gz")] == ["app.js.gz"]
        assert stat.S_IMODE((folder / "bin" / "run").stat().st_mode) == 0o755
        told = house.told()
        assert any(text.startswith("Downloading thing: ") for text in told)
        assert told[-1] == "Web Client thing: Update Finished..."
        assert await house.call("upgrade", name="thing") == "ok"  # nothing new
        assert await house.call("rollback", name="thing") == "ok"
        assert (folder / "index.html").read_text() == "v1.0.0"
        assert (folder / "config.json").read_text() == "mine"
    assert [path.name for path in folder.parent.iterdir()] == ["thing"]


async def test_a_link_to_the_folder_stays_one(house, github, folder, web, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(folder)
    item = msgspec.structs.replace(web, path=link)
    house.settings = msgspec.structs.replace(house.settings, items=(item,))
    github.publish("owner/thing", "v1.1.0", archive())
    async with running(house):
        await house.call("upgrade", name="thing")
    assert link.is_symlink()
    assert (folder / "index.html").read_text() == "v1.1.0"


def evil(name, text="x", mode=None):
    entry = zipfile.ZipInfo(name)
    if mode is not None:
        entry.external_attr = mode << 16
    zipped = zipfile.ZipFile(buffer := io.BytesIO(archive()), "a")
    with zipped, warnings.catch_warnings(action="ignore"):
        zipped.writestr(entry, text)
    return buffer.getvalue()


def truncated(content):
    return content[: len(content) // 2]


def bomb():
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("release_info.json", info("v1.1.0"))
        zipped.writestr("zeros", bytes(40_000_000))
    return buffer.getvalue()


def lying_size():
    """A member that is larger than it says."""
    content = bytearray(archive(files={"big": "y" * 5000}))
    place = content.rindex(b"big") - 46 + 24
    content[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(content)


def wrong_crc():
    with zipfile.ZipFile(buffer := io.BytesIO(), "w", zipfile.ZIP_STORED) as zipped:
        zipped.writestr("release_info.json", info("v1.1.0"))
        zipped.writestr("index.html", "abcdefgh")
    return buffer.getvalue().replace(b"abcdefgh", b"abcdefgX")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (evil("../outside"), "name '../outside'"),
        (evil("/etc/passwd"), "name '/etc/passwd'"),
        (evil("a/../../b"), "a file of the name"),
        (evil("a\\b"), "a file of the name"),
        (evil("C:/x"), "a file of the name"),
        (evil("link", "/etc", stat.S_IFLNK | 0o777), "is a link"),
        (evil("pipe", "", stat.S_IFIFO | 0o666), "special file"),
        (evil("release_info.json"), "twice"),
        (evil("index.html/x"), "cannot be unpacked"),
        (truncated(archive()), "cannot be unpacked"),
        (b"no zip at all", "cannot be unpacked"),
        (b"", "cannot be unpacked"),
        (bomb(), "times its size"),
        (lying_size(), "cannot be unpacked"),
        (wrong_crc(), "cannot be unpacked"),
        (archive(None), "is not a release of this item"),
    ],
    ids=lambda value: value if isinstance(value, str) else "zip",
)
async def test_archives_that_are_refused(house, github, folder, content, said):
    github.publish("owner/thing", "v1.1.0", content)
    async with running(house):
        _, text = await fails(house)
        assert said in text
        assert is_untouched(folder)
        assert house.notes("notify_update_response")[-1]["complete"]
    assert not (folder.parent / "outside").exists()


async def stalls(stream):
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    await trio.sleep_forever()


async def breaks(stream):
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(b"", "404 Not Found"), "the answer is 404"),
        (response(b"", "403 Forbidden"), "the answer is 403"),
        (response(b"", "302 Found", Location="/repos/a/b/elsewhere"), "the answer is 404"),
        (response(b"", "302 Found", Location="/download/owner/thing/v1.1.0/thing.zip"), "redirect"),
        (response(archive()[:-10]), "has not the published size"),
        (response(archive() + b"more"), "has not the published size"),
        (response(archive(files={"other": "x"})), "size"),
        (breaks, "could not be fetched"),
        (stalls, "nothing came for"),
    ],
    ids=["404", "403", "redirect", "loop", "short", "long", "other", "breaks", "stalls"],
)
async def test_servers_that_lie(house, github, folder, answer, said):
    github.publish("owner/thing", "v1.1.0", archive())
    github.server.replies["/download/owner/thing/v1.1.0/thing.zip"] = answer
    async with running(house):
        status, text = await fails(house)
        assert (status, said in text) == (500, True), text
        assert is_untouched(folder)


async def test_a_hash_that_does_not_fit(house, github, folder):
    github.publish("owner/thing", "v1.1.0", archive(), digest="a" * 64)
    async with running(house):
        assert "is not what was published" in (await fails(house))[1]
        assert is_untouched(folder)


@pytest.mark.parametrize("right", [True, False])
async def test_a_hash_in_a_file_beside(house, github, folder, right):
    import hashlib

    content = archive()
    digest = hashlib.sha256(content).hexdigest() if right else "b" * 64
    sums = f"{digest}  thing.zip\n".encode()
    github.publish("owner/thing", "v1.1.0", content, digest=None, sums=sums)
    async with running(house):
        if right:
            await house.call("upgrade", name="thing")
            assert (folder / "index.html").read_text() == "v1.1.0"
        else:
            assert "is not what was published" in (await fails(house))[1]
            assert is_untouched(folder)


async def test_an_address_that_is_less_safe_is_not_fetched(house, github, folder):
    github.publish("owner/thing", "v1.1.0", archive())
    asset = github.releases["owner/thing"][0]["assets"][0]
    asset["browser_download_url"] = "ftp" + asset["browser_download_url"].removeprefix("http")
    async with running(house):
        assert "must begin with http://" in (await fails(house))[1]
        assert is_untouched(folder)


async def test_a_named_asset_that_is_missing(house, github, folder):
    (folder / "release_info.json").write_text(info("v1.0.0", asset_name="other.zip"))
    github.publish("owner/thing", "v1.1.0", archive())
    async with running(house):
        assert await fails(house) == (400, "Release v1.1.0 does not have other.zip")


async def test_an_invalid_installation_is_not_updated(house, github, folder):
    (folder / "release_info.json").unlink()
    github.publish("owner/thing", "v1.1.0", archive())
    async with running(house):
        status, text = await fails(house)
        assert status == 400
        assert "failed to validate installation" in text
        assert (await fails(house, "rollback"))[0] == 400
        assert (await fails(house, "recover"))[0] == 400


async def test_a_full_disk_changes_nothing(house, github, folder, monkeypatch):
    github.publish("owner/thing", "v1.1.0", archive())
    real = os.statvfs

    def full(path):
        status = list(real(path))
        status[4] = 10  # f_bavail
        return os.statvfs_result(status)

    monkeypatch.setattr(os, "statvfs", full)
    async with running(house):
        status, text = await fails(house)
        assert status == 507
        assert "not enough room" in text
        assert is_untouched(folder)


async def test_a_zip_with_a_service(house, github, folder, web):
    item = msgspec.structs.replace(web, type="zip", services=("thing",))
    house.settings = msgspec.structs.replace(house.settings, items=(item,))
    github.publish("owner/thing", "v1.1.0", archive())
    house.services.breaks = lambda unit: (folder / "index.html").read_text() == "v1.1.0"
    async with running(house):
        status, text = await fails(house)
        assert status == 500
        assert "The version before was put back" in text
        assert is_untouched(folder)
        assert (await house.call("status"))["version_info"]["thing"]["version"] == "v1.0.0"
        house.services.breaks = lambda unit: False
        await house.call("upgrade", name="thing")
        assert (folder / "index.html").read_text() == "v1.1.0"
        assert house.services.restarted == ["thing", "thing", "thing"]


async def test_system_packages_of_a_zip(house, github, folder, web):
    class Packages:
        asked: list = []

        async def install(self, names, tell):
            self.asked.append(names)

    house.packages = Packages()
    needs = DependencySettings(system_dependencies="deps.json")
    item = msgspec.structs.replace(web, type="zip", dependencies=needs)
    house.settings = msgspec.structs.replace(house.settings, items=(item,))
    listed = {name: ["one", "two; vendor == 'nobody'"] for name in ("debian", "ubuntu")}
    github.publish("owner/thing", "v1.1.0", archive(files={"deps.json": json.dumps(listed)}))
    async with running(house):
        await house.call("upgrade", name="thing")
    assert house.packages.asked == [("one",)]


@pytest.fixture
def tool(folder, web):
    (folder / "release_info.json").write_text(info("v1.0.0", asset_name="tool", extra=5))
    (folder / "tool").write_text("one")
    (folder / "tool").chmod(0o755)
    return msgspec.structs.replace(web, type="executable", persistent_files=(), services=("thing",))


async def test_an_executable_and_back(house, github, folder, tool):
    house.settings = msgspec.structs.replace(house.settings, items=(tool,))
    github.publish("owner/thing", "v1.0.0", b"one", asset="tool")
    github.publish("owner/thing", "v1.1.0", b"two", asset="tool")
    async with running(house):
        await house.call("upgrade", name="thing")
        assert (folder / "tool").read_text() == "two"
        assert os.access(folder / "tool", os.X_OK)
        written = json.loads((folder / "release_info.json").read_text())
        assert (written["version"], written["extra"]) == ("v1.1.0", 5)
        assert house.told()[-1] == "Executable thing: Update Finished..."
        await house.call("rollback", name="thing")
        assert (folder / "tool").read_text() == "one"
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


async def test_an_executable_that_does_not_come_up(house, github, folder, tool):
    house.settings = msgspec.structs.replace(house.settings, items=(tool,))
    github.publish("owner/thing", "v1.1.0", b"two", asset="tool")
    house.services.breaks = lambda unit: (folder / "tool").read_text() == "two"
    async with running(house):
        assert "put back" in (await fails(house))[1]
    assert (folder / "tool").read_text() == "one"
    assert json.loads((folder / "release_info.json").read_text())["version"] == "v1.0.0"
