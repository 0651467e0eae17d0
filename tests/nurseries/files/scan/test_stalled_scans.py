"""Scans of files on a disk that stalls, as many as a front end asks for at once."""

from pathlib import Path

import trio
import trio.testing

from nurseries.files.scan.metadata_store import MetadataStore
from nurseries.files.scan.scanner import Scanner
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.stalled_folder import LIMIT_S, StalledDisk

SCANS = 60  # more than Trio's own limit of threads


async def test_scans_that_wait_for_the_disk_take_nobodys_threads(tmp_path: Path) -> None:
    disk, scanner = StalledDisk(), Scanner()
    store = MetadataStore(disk.folder(tmp_path), scanner, MemoryDatabase())
    with trio.fail_after(LIMIT_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(scanner.serve)
            await nursery.start(store.serve)
            disk.answers.clear()
            try:
                async with trio.open_nursery() as clients:
                    for number in range(SCANS):
                        clients.start_soon(store.request_scan, f"{number}.gcode")
                    await trio.testing.wait_all_tasks_blocked()
                    with trio.fail_after(LIMIT_S / 2):
                        assert await trio.to_thread.run_sync(int, "7") == 7
                    disk.answers.set()
            finally:
                disk.answers.set()
            nursery.cancel_scope.cancel()
