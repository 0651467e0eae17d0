"""Files that are moved or made anew while their metadata is found out have metadata in the end."""

import os
from functools import partial

import pytest
import trio
import trio.testing

from tests.fakes.file_house import open_files
from tests.polling import until


@pytest.fixture
def data(tmp_path):
    return tmp_path / "printer_data"


async def let_scans_go_on(house, *paths):
    """What waited under its old path finds nothing there; what is here now is scanned."""
    house.metadata.may_scan.set()
    await until(lambda: set(paths) <= set(house.metadata.records))
    for path in paths:
        size = os.stat(house.gcodes / path).st_size
        assert house.metadata.records[path]["size"] == size


@pytest.mark.parametrize("observer", ["inotify", "none"])
async def test_a_copied_folder_is_renamed_before_its_files_are_scanned(data, observer):
    async with (
        open_files(data, file_system_observer=observer) as house,
        trio.open_nursery() as nursery,
    ):
        (house.config / "a" / "b").mkdir(parents=True)
        for name in ("a/1.gcode", "a/b/2.gcode", "a/b/notes.txt"):
            (house.config / name).write_text("G28")
        house.metadata.may_scan = trio.Event()
        copy = partial(house.call, "server.files.copy", source="config/a", dest="gcodes/z")
        nursery.start_soon(copy)
        await until((house.gcodes / "z").is_dir)
        await house.call("server.files.move", source="gcodes/z", dest="gcodes/y")
        await let_scans_go_on(house, "y/1.gcode", "y/b/2.gcode")
        assert "y/b/notes.txt" not in house.metadata.scans


async def test_an_upload_is_moved_while_it_is_scanned(data):
    async with open_files(data) as house, trio.open_nursery() as nursery:
        (house.gcodes / "sub").mkdir()
        house.metadata.may_scan = trio.Event()
        upload = await house.manager.uploads.begin_upload("gcodes", "", "a.gcode")
        temporary = house.gcodes / ".mrk-upload-0123456789abcdef"
        temporary.write_text("G28")
        nursery.start_soon(upload.store, str(temporary), "0" * 64)
        await until((house.gcodes / "a.gcode").exists)
        await house.call("server.files.move", source="gcodes/a.gcode", dest="gcodes/sub")
        await let_scans_go_on(house, "sub/a.gcode")


async def test_a_folder_is_moved_by_another_program_while_it_is_scanned(data):
    async with open_files(data) as house, trio.open_nursery() as nursery:
        (house.config / "a").mkdir()
        (house.config / "a" / "1.gcode").write_text("G28")
        house.metadata.may_scan = trio.Event()
        copy = partial(house.call, "server.files.copy", source="config/a", dest="gcodes/z")
        nursery.start_soon(copy)
        await until((house.gcodes / "z").is_dir)
        (house.gcodes / "z").rename(house.gcodes / "y")
        await let_scans_go_on(house, "y/1.gcode")


async def test_what_is_known_follows_moves_in_their_order(data, monkeypatch):
    async with open_files(data) as house, trio.open_nursery() as nursery:
        (house.gcodes / "a").mkdir()
        (house.gcodes / "a" / "1.gcode").write_text("G28")
        await house.told(2)
        record = house.metadata.records["a/1.gcode"]
        may_carry, carried, carry = trio.Event(), [], house.metadata.move

        async def carry_late(source, dest):
            if source == "a":
                await may_carry.wait()
            await carry(source, dest)
            carried.append(dest)

        monkeypatch.setattr(house.metadata, "move", carry_late)
        for source, dest in ("ab", "bc"):
            move = {"source": f"gcodes/{source}", "dest": f"gcodes/{dest}"}
            nursery.start_soon(partial(house.call, "server.files.move", **move))
            await until((house.gcodes / dest).is_dir)
        await trio.testing.wait_all_tasks_blocked()
        may_carry.set()
        await until(lambda: len(carried) == 2)
        assert carried == ["b", "c"]
        assert house.metadata.records == {"c/1.gcode": record}


@pytest.mark.parametrize("by_request", [True, False])
async def test_a_file_is_made_anew_while_the_old_one_is_forgotten(data, monkeypatch, by_request):
    async with open_files(data) as house, trio.open_nursery() as nursery:
        file = house.gcodes / "a.gcode"
        file.write_text("G28")
        (house.config / "b.gcode").write_text("G28 X")
        await house.told(2)
        removing, may_remove, removed = trio.Event(), trio.Event(), trio.Event()
        remove = house.metadata.remove

        async def remove_late(path):
            removing.set()
            await may_remove.wait()
            await remove(path)
            removed.set()

        monkeypatch.setattr(house.metadata, "remove", remove_late)
        if by_request:
            delete = partial(house.call, "server.files.delete_file", path="gcodes/a.gcode")
            nursery.start_soon(delete)
        else:
            file.unlink()
        await removing.wait()
        await house.call("server.files.copy", source="config/b.gcode", dest="gcodes/a.gcode")
        may_remove.set()
        await removed.wait()
        await let_scans_go_on(house, "a.gcode")
