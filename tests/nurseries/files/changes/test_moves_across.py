"""A folder that moves to another file system takes everything along, or stays."""

import errno
import os
from pathlib import Path

import pytest
import trio

from mrk.errors import ClientError
from mrk.files.temporary import is_temporary
from nurseries.files.changes import copying
from tests.fakes.file_house import open_files

MOVE = {"source": "gcodes/a", "dest": "gcodes/b"}


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


@pytest.fixture(autouse=True)
def _far_away(monkeypatch):
    """Every move is one to another file system."""
    rename = Path.rename

    def refused(path, target):
        if not is_temporary(path.name) and not is_temporary(Path(target).name):
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)


def all_below(folder):
    """Every name: what a link says, what a file holds, None for a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        content = os.readlink(path) if path.is_symlink() else None
        if content is None and path.is_file():
            content = path.read_bytes()
        found[str(path.relative_to(folder))] = content
    return found


async def test_what_clients_cannot_see_goes_along(data):
    async with open_files(data) as house:
        a = house.gcodes / "a"
        (a / ".git" / "refs").mkdir(parents=True)
        (a / ".git" / "HEAD").write_text("ref: refs/heads/main")
        (a / ".git" / "link").symlink_to("HEAD")
        (a / "sub" / ".GIT").mkdir(parents=True)
        (a / "sub" / "a.gcode").write_text("G28")
        (a / "broken").symlink_to("/nowhere/at/all")
        (a / "round").symlink_to(".")
        (data / "database").mkdir(exist_ok=True)
        (a / "closed").symlink_to(data / "database")
        (a / os.fsdecode(b"latin\xe9.gcode")).write_text("G1")
        (a / ".mrk-upload-0123456789abcdef").write_text("not finished")
        expected = all_below(a)
        del expected[".mrk-upload-0123456789abcdef"]
        await house.call("server.files.move", **MOVE)
        assert all_below(house.gcodes / "b") == expected
        assert not a.exists()


async def test_what_other_links_lead_to_is_copied(data, tmp_path):
    (tmp_path / "far.txt").write_text("far")
    async with open_files(data) as house:
        (house.gcodes / "a").mkdir()
        (house.gcodes / "a" / "link.txt").symlink_to(tmp_path / "far.txt")
        await house.call("server.files.move", **MOVE)
        assert not (house.gcodes / "b" / "link.txt").is_symlink()
        assert (house.gcodes / "b" / "link.txt").read_text() == "far"
        assert (tmp_path / "far.txt").read_text() == "far"


async def test_a_link_that_cannot_be_made_there_keeps_the_folder_here(data, monkeypatch):
    def refused(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    async with open_files(data) as house:
        (house.gcodes / "a").mkdir()
        (house.gcodes / "a" / "broken").symlink_to("/nowhere")
        with monkeypatch.context() as patch:
            patch.setattr(os, "symlink", refused)
            with pytest.raises(ClientError, match="Operation not permitted"):
                await house.call("server.files.move", **MOVE)
        assert (house.gcodes / "a" / "broken").is_symlink()
        assert not (house.gcodes / "b").exists()


def come(a):
    (a / "sub" / "new.gcode").write_text("G1")


def written(a):
    (a / "sub" / "old.gcode").write_text("G28 X")


def replaced(a):
    (a / "new").write_text("G29")
    times = os.stat(a / "sub" / "old.gcode")
    os.utime(a / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
    os.rename(a / "new", a / "sub" / "old.gcode")


def gone(a):
    (a / "sub" / "old.gcode").unlink()


@pytest.mark.parametrize("change", [come, written, replaced, gone])
async def test_what_happens_in_it_meanwhile_is_not_lost(data, monkeypatch, change):
    copy_to = copying.copy_to

    def copy_and_change(source, *args, **kwargs):
        copy_to(source, *args, **kwargs)
        change(source)

    monkeypatch.setattr(copying, "copy_to", copy_and_change)
    async with open_files(data) as house:
        a = house.gcodes / "a"
        (a / "sub").mkdir(parents=True)
        (a / "sub" / "old.gcode").write_text("G28")
        with pytest.raises(ClientError, match="was changed while it was being moved"):
            await house.call("server.files.move", **MOVE)
        kept = {"sub/new.gcode": b"G1", "sub/old.gcode": b"G28"} if change is come else {}
        kept = {"sub/old.gcode": b"G28 X"} if change is written else kept
        kept = {"sub/old.gcode": b"G29"} if change is replaced else kept
        assert all_below(a) == {"sub": None, **kept}
        assert not (house.gcodes / "b").exists()


async def test_an_upload_that_goes_on_is_no_change(data, monkeypatch):
    copy_to = copying.copy_to

    def copy_beside_an_upload(source, *args, **kwargs):
        copy_to(source, *args, **kwargs)
        (source / ".mrk-upload-0123456789abcdef").write_text("not finished")

    monkeypatch.setattr(copying, "copy_to", copy_beside_an_upload)
    async with open_files(data) as house:
        (house.gcodes / "a").mkdir()
        (house.gcodes / "a" / "a.gcode").write_text("G28")
        await house.call("server.files.move", **MOVE)
        assert all_below(house.gcodes / "b") == {"a.gcode": b"G28"}


async def test_an_upload_into_a_folder_that_is_on_its_way_is_kept(data, monkeypatch):
    copy_to, copied, go_on = copying.copy_to, trio.Event(), trio.Event()

    def copy_and_wait(*args, **kwargs):
        copy_to(*args, **kwargs)
        trio.from_thread.run_sync(copied.set)
        trio.from_thread.run(go_on.wait)

    monkeypatch.setattr(copying, "copy_to", copy_and_wait)
    async with open_files(data) as house, trio.open_nursery() as nursery:
        (house.gcodes / "a").mkdir()
        refusals = []

        async def move():
            with pytest.raises(ClientError) as caught:
                await house.call("server.files.move", **MOVE)
            refusals.append(caught.value.status)

        nursery.start_soon(move)
        await copied.wait()
        upload = await house.manager.uploads.begin_upload("gcodes", "a", "new.gcode")
        temporary = house.gcodes / "a" / ".mrk-upload-0123456789abcdef"
        temporary.write_text("G28")
        await upload.store(str(temporary), "0" * 64)
        go_on.set()
    assert refusals == [400]
    assert (house.gcodes / "a" / "new.gcode").read_text() == "G28"
