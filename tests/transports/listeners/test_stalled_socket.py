"""The unix socket's folder on a card that fails: tried again for as long as mrk runs."""

from pathlib import Path

import trio

from tests.fakes.stalled_folder import LIMIT_S, StalledDisk
from transports.listeners.late_listener import Listener
from transports.listeners.unix import open_unix


async def test_a_disk_that_stalls_holds_up_no_more_than_the_socket(tmp_path: Path) -> None:
    disk = StalledDisk()
    path = disk.folder(tmp_path) / "moonraker.sock"
    opened: list[Listener] = []
    own_files: list[object] = []

    async def listen() -> None:
        opened.append(await open_unix(path, own_files))  # type: ignore[arg-type]

    with trio.fail_after(LIMIT_S):
        disk.answers.clear()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await disk.asked.wait()  # and we run
                assert not opened
                disk.answers.set()
        finally:
            disk.answers.set()
    async with opened[0]:
        assert len(own_files) == 1
        assert path.is_socket()


async def test_a_disk_that_stalls_keeps_nobody_from_a_socket_that_listens(tmp_path: Path) -> None:
    disk = StalledDisk()
    path = disk.folder(tmp_path) / "moonraker.sock"
    with trio.fail_after(LIMIT_S):
        async with await open_unix(path, [], retry_s=0.05) as listener:
            disk.answers.clear()
            try:
                async with trio.open_nursery() as nursery:

                    async def connect() -> None:
                        await disk.asked.wait()
                        async with await trio.open_unix_socket(str(path)) as client:
                            await client.send_all(b"here")

                    nursery.start_soon(connect)
                    async with await listener.accept() as accepted:
                        assert await accepted.receive_some() == b"here"
                        assert not disk.answers.is_set()
            finally:
                disk.answers.set()
