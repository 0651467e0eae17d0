"""What jobs are told of files, from the first moment on."""

from pathlib import Path

import trio

from config.paths import Paths, create_folders
from config.settings.file_manager import FileManagerSettings
from mrk.clients.registry import Clients
from nurseries.files.subsystem import DiskFiles
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.file_house import LIMIT_S, FakeKlipper, Printing
from tests.fakes.stalled_folder import StalledDisk

MANY = 2000


def open_disk(data: Path) -> tuple[DiskFiles, Path]:
    paths = Paths.resolve(environ={}, data_path=data)._replace(data=data)
    create_folders(paths)
    files = DiskFiles(
        paths,
        FileManagerSettings(),
        Clients(),
        FakeKlipper(),  # type: ignore[arg-type]  # it is asked for events only
        MemoryDatabase(),
        Printing(),
    )
    return files, paths.gcodes


async def test_files_are_there_while_the_folder_is_being_read(tmp_path: Path) -> None:
    files, gcodes = open_disk(tmp_path)
    folder = gcodes / "deep" / "er"
    folder.mkdir(parents=True)
    for number in range(MANY):
        (folder / f"{number}.txt").touch()
    (folder / "last.gcode").write_text("G28\n")
    begun = trio.Event()

    async def serve() -> None:
        await nursery.start(files.serve)
        begun.set()

    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            looks = 0
            while not begun.is_set():
                assert await files.exists("deep/er/last.gcode")
                assert not await files.exists("deep/er/none.gcode")
                looks += 1
                await trio.lowlevel.checkpoint()
            assert looks
            assert await files.exists("deep/er/last.gcode")
            assert not await files.exists("deep/er/none.gcode")
            nursery.cancel_scope.cancel()


async def test_before_it_serves_only_files_of_the_root_are_told(tmp_path: Path) -> None:
    files, gcodes = open_disk(tmp_path)
    (gcodes / "a.gcode").write_text("G28\n")
    (gcodes / "folder").mkdir()
    (tmp_path / "secret").write_text("x")
    assert await files.exists("a.gcode")
    for other in ("folder", "../secret", "b.gcode", "", "a.gcode\0"):
        assert not await files.exists(other), other


async def test_a_disk_that_stalls_holds_nobody_else(tmp_path: Path) -> None:
    """Where no tree is kept every name is looked up; a thread waits for the disk, not the loop."""
    disk = StalledDisk()
    files, gcodes = open_disk(disk.folder(tmp_path))
    (gcodes / "a.gcode").write_text("G28\n")
    found: list[float | None] = []

    async def ask() -> None:
        found.extend(await files.modified(["a.gcode", "b.gcode"]))

    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            disk.answers.clear()
            nursery.start_soon(ask)
            await disk.asked.wait()
            assert not found  # and we run
            disk.answers.set()
    assert found == [(gcodes / "a.gcode").stat().st_mtime, None]
