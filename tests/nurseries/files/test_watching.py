"""Changes made by other programs: each is told once, in order, whatever they do."""

import os
import shutil
from pathlib import Path

import pytest
import trio

from mrk.errors import ClientError
from nurseries.files.watch.inotify import Event, InotifyWatches
from tests.fakes.file_house import FileHouse, open_files, serving


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


async def listed(house, root="gcodes"):
    return [entry["path"] for entry in await house.call("server.files.list", root=root)]


async def test_files_come_change_and_go(data):
    async with open_files(data) as house:
        file = house.gcodes / "a.gcode"
        file.write_text("G28")
        assert await house.told(1) == [("create_file", "gcodes/a.gcode")]
        assert house.metadata.scans == ["a.gcode"]
        file.write_text("G28 X")
        (change,) = await house.heard(1)
        assert (change["action"], change["item"]["size"]) == ("modify_file", 5)
        file.unlink()
        assert await house.told(1) == [("delete_file", "gcodes/a.gcode")]
        assert house.metadata.records == {}


async def test_a_file_is_told_when_it_is_complete(data):
    async with open_files(data) as house:
        with (house.gcodes / "a.gcode").open("wb", buffering=0) as file:
            file.write(b"G28\n")
            assert await house.silence() == []
            assert await listed(house) == ["a.gcode"]  # it is there, though
            file.write(b"G1 X1\n")
            (entry,) = await house.call("server.files.list")
            assert entry["size"] == 10
        (change,) = await house.heard(1)
        assert (change["action"], change["item"]["size"]) == ("create_file", 10)


async def test_what_comes_without_being_written(data, tmp_path):
    async with open_files(data) as house:
        outside = tmp_path / "outside.gcode"
        outside.write_text("G28")
        os.link(outside, house.gcodes / "hard.gcode")
        assert await house.told(1) == [("create_file", "gcodes/hard.gcode")]
        (house.gcodes / "soft.gcode").symlink_to(outside)
        (change,) = await house.heard(1)
        assert change["item"]["permissions"] == "r"
        outside.rename(house.gcodes / "moved.gcode")
        found = await house.told(1)
        assert ("create_file", "gcodes/moved.gcode") in found


async def test_gcode_is_told_after_its_scan_and_not_if_it_is_gone(data):
    async with open_files(data) as house:
        house.metadata.may_scan = trio.Event()
        for name in ("a.gcode", "b.gcode"):
            (house.gcodes / name).write_text("G28")
        (house.gcodes / "note.txt").write_text("x")
        assert await house.told(1) == [("create_file", "gcodes/note.txt")]
        (house.gcodes / "b.gcode").unlink()
        assert await house.told(1) == [("delete_file", "gcodes/b.gcode")]
        house.metadata.may_scan.set()
        assert await house.told(1) == [("create_file", "gcodes/a.gcode")]
        assert await house.silence() == []


async def test_moves_are_recognised(data):
    async with open_files(data) as house:
        (house.gcodes / "sub").mkdir()
        (house.gcodes / "a.gcode").write_text("G28")
        assert len(await house.told(2)) == 2
        record = house.metadata.records["a.gcode"]
        (house.gcodes / "a.gcode").rename(house.gcodes / "sub" / "b.gcode")
        assert await house.told(1) == [("move_file", "gcodes/sub/b.gcode", "gcodes/a.gcode")]
        (house.gcodes / "sub").rename(house.gcodes / "other")
        assert await house.told(1) == [("move_dir", "gcodes/other", "gcodes/sub")]
        assert house.metadata.records == {"other/b.gcode": record}
        (house.gcodes / "other" / "c.gcode").write_text("G28")
        assert await house.told(1) == [("create_file", "gcodes/other/c.gcode")]
        (house.gcodes / "other").rename(house.config / "other")
        assert await house.told(1) == [("move_dir", "config/other", "gcodes/other")]
        (house.config / "other" / "d.txt").write_text("x")
        assert await house.told(1) == [("create_file", "config/other/d.txt")]
        assert await listed(house, "config") == ["other/b.gcode", "other/c.gcode", "other/d.txt"]
        assert house.metadata.records == {}


async def test_what_leaves_the_roots_is_told_as_gone(data, tmp_path):
    async with open_files(data) as house:
        (house.gcodes / "d").mkdir()
        (house.gcodes / "d" / "a.gcode").write_text("G28")
        await house.told(2)
        (house.gcodes / "d").rename(tmp_path / "d")
        assert await listed(house) == []
        assert await house.told(1) == [("delete_dir", "gcodes/d")]
        (tmp_path / "d" / "b.gcode").write_text("G28")
        (tmp_path / "d").rename(house.gcodes / "d")
        found = await house.told(3)
        assert found[0] == ("create_dir", "gcodes/d")
        names = {"gcodes/d/a.gcode", "gcodes/d/b.gcode"}
        assert set(found[1:]) == {("create_file", name) for name in names}


async def test_how_editors_save(data):
    async with open_files(data) as house:
        (house.config / "printer.cfg").write_text("one")
        await house.told(1)
        for text in ("two", "three"):
            (house.config / ".printer.cfg.swp").write_text(text)
            (house.config / ".printer.cfg.swp").rename(house.config / "printer.cfg")
            assert await house.told(1) == [("modify_file", "config/printer.cfg")]
        assert await house.silence() == []


async def test_a_new_folder_filled_at_once_loses_nothing(data, tmp_path):
    async with open_files(data) as house:
        wanted = set()
        for top in range(4):
            for deep in range(5):
                folder = tmp_path / "source" / f"top{top}" / f"deep{deep}"
                folder.mkdir(parents=True)
                for number in range(5):
                    (folder / f"{number}.gcode").write_text("G28")
        copy = shutil.copytree
        await trio.to_thread.run_sync(copy, tmp_path / "source", house.gcodes / "all")
        for folder, folders, files in os.walk(house.gcodes / "all"):
            base = f"gcodes/{os.path.relpath(folder, house.gcodes)}"
            wanted |= {("create_dir", f"{base}/{name}") for name in folders}
            wanted |= {("create_file", f"{base}/{name}") for name in files}
        wanted.add(("create_dir", "gcodes/all"))
        found = await house.told(len(wanted))
        assert len(found) == len(set(found))
        assert set(found) == wanted
        order = {path: place for place, (_action, path) in enumerate(found)}
        assert all(order[os.path.dirname(p)] < order[p] for p in order if p != "gcodes/all")
        assert await house.silence() == []


async def test_a_folder_made_anew_at_once_is_watched(data):
    async with open_files(data) as house:
        for _ in range(20):
            (house.gcodes / "d").mkdir()
            await listed(house)
            (house.gcodes / "d").rmdir()
        (house.gcodes / "d").mkdir()
        await listed(house)
        (house.gcodes / "d" / "a.gcode").write_text("G28")
        found = []
        while ("create_file", "gcodes/d/a.gcode") not in found:
            found += await house.told(1)


async def test_folders_that_go_while_they_are_read(data):
    async with open_files(data) as house:
        for number in range(30):
            folder = house.gcodes / f"d{number}" / "deep"
            folder.mkdir(parents=True)
            (folder / "x.gcode").write_text("G28")
            if number % 2:
                shutil.rmtree(house.gcodes / f"d{number}")
        assert len(await listed(house)) == 15
        kept = {("create_file", f"gcodes/d{n}/deep/x.gcode") for n in range(0, 30, 2)}
        found = set()
        while not kept <= found:
            found |= set(await house.told(1))


async def test_a_list_is_true_at_once(data):
    async with open_files(data) as house:
        for number in range(50):
            (house.gcodes / f"{number}.gcode").write_text("G28")
            assert len(await listed(house)) == number + 1
        (house.gcodes / "7.gcode").unlink()
        assert "7.gcode" not in await listed(house)


async def test_times_set_later_are_seen(data):
    async with open_files(data) as house:
        (house.gcodes / "a.gcode").write_text("G28")
        await house.told(1)
        os.utime(house.gcodes / "a.gcode", (5, 5))
        assert await house.told(1) == [("modify_file", "gcodes/a.gcode")]
        (entry,) = await house.call("server.files.list")
        assert entry["modified"] == 5


async def test_an_overflow_is_made_up_for(data):
    """The kernel says that it dropped events: everything is compared."""
    house = FileHouse(data)
    async with serving(house):
        (house.gcodes / "d").mkdir()
        await house.told(1)
        limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        file = house.gcodes / "d" / "a.txt"
        # Without a turn for the watcher: two events each, so that the queue is full for sure.
        for number in range(limit // 2 + 200):
            file.with_name(f"{number % 3}.txt").touch()
            file.with_name(f"{number % 3}.txt").unlink()
        (house.gcodes / "late.txt").write_text("x")
        assert await listed(house) == []
        found = []
        while ("create_file", "gcodes/late.txt") not in found:
            found += await house.told(1)
        entries = await house.call("server.files.get_directory", path="gcodes/d")
        assert entries["files"] == []


async def test_without_an_observer_only_requests_are_told(data):
    async with open_files(data, file_system_observer="none") as house:
        (house.gcodes / "a.gcode").write_text("G28")
        assert await listed(house) == ["a.gcode"]
        await house.call("server.files.post_directory", path="gcodes/d")
        assert await house.told(1) == [("create_dir", "gcodes/d")]
        await house.call("server.files.move", source="gcodes/a.gcode", dest="gcodes/d")
        assert await listed(house) == ["d/a.gcode"]
        folder = await house.call("server.files.get_directory", path="gcodes/d", extended=True)
        assert [entry["filename"] for entry in folder["files"]] == ["a.gcode"]


async def test_a_root_that_goes_and_comes_back(data):
    async with open_files(data) as house:
        house.gcodes.rename(data / "elsewhere")
        with pytest.raises(ClientError, match="missing"):
            await listed(house)
        house.gcodes.mkdir()
        (house.gcodes / "a.gcode").write_text("G28")
        assert await listed(house) == ["a.gcode"]
        found = []
        while ("root_update", "gcodes/.") not in found:
            found += await house.told(1)
        (house.gcodes / "b.txt").write_text("x")
        while ("create_file", "gcodes/b.txt") not in found:
            found += await house.told(1)


def test_events_come_in_portions(tmp_path):
    with InotifyWatches.open() as watches:
        watch = watches.add(str(tmp_path))
        assert watches.add(str(tmp_path)) == watch
        for number in range(2000):
            (tmp_path / f"{number:04}").touch()
        portion = watches.read()
        assert isinstance(portion[0], Event)
        assert 100 < len(portion) < 1000
        watches.remove(watch)
        watches.remove(watch)  # gone already
        with pytest.raises(OSError, match="Not a directory"):
            watches.add(str(tmp_path / "0000"))


async def test_metadata_is_made_true_at_the_start(data):
    house = FileHouse(data)
    for name in ("known", "changed", "new"):
        (house.gcodes / f"{name}.gcode").write_text("G28")
    for name in ("known", "changed"):
        await house.metadata.request_scan(f"{name}.gcode")
    (house.gcodes / "changed.gcode").write_text("G28 X")
    house.metadata.scans.clear()
    async with serving(house):
        with trio.fail_after(10):
            while len(house.metadata.scans) < 2 or house.metadata.retained is None:
                await trio.lowlevel.checkpoint()
        assert set(house.metadata.scans) == {"changed.gcode", "new.gcode"}
        assert set(house.metadata.retained) == {"known.gcode", "changed.gcode", "new.gcode"}
        assert await house.silence() == []
