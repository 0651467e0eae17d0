"""A file system that stalls (a share whose server is away) stalls its own roots, and no others."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import trio
import trio.testing

from mrk.files.reserved import Permissions, ReservedPaths
from nurseries.files.threads import THREADS
from tests.fakes.file_house import LIMIT_S, FileHouse, serving


class Stalled(ReservedPaths):
    """Asked in threads, by all that looks at the disk: what asks of `share` waits."""

    def __init__(self, reserved: ReservedPaths, share: Path) -> None:
        super().__init__(reserved.places, reserved.identities)
        self._share = str(share)
        self.answers = threading.Event()

    def permissions(self, real: str) -> Permissions:
        if real.startswith(self._share):
            assert self.answers.wait(LIMIT_S)
        return super().permissions(real)


def mount_of(path: str) -> str:
    return "/share" if path.endswith("/gcodes") else "/"


async def test_a_share_that_stalls_holds_up_its_own_roots_alone(tmp_path: Path) -> None:
    house = FileHouse(tmp_path / "printer_data", mount_of)
    ended: list[str] = []

    async def ask(name: str, call: Callable[[], Awaitable[Any]]) -> None:
        await call()
        ended.append(name)

    async with serving(house):
        uploads = house.manager.uploads
        share = house.manager.roots.reserved = Stalled(house.manager.roots.reserved, house.gcodes)
        try:
            async with trio.open_nursery() as clients:
                for number in range(THREADS + 2):
                    folder = f"gcodes/{number}"
                    begin = lambda: uploads.begin_upload("gcodes", "", "a.gcode")  # noqa: E731
                    make = lambda folder=folder: house.call(  # noqa: E731
                        "server.files.post_directory", path=folder
                    )
                    clients.start_soon(ask, "upload", begin)
                    clients.start_soon(ask, folder, make)
                await trio.testing.wait_all_tasks_blocked()
                with trio.fail_after(LIMIT_S / 2):
                    await uploads.begin_upload("config", "", "printer.cfg")
                    await house.call("server.files.post_directory", path="config/macros")
                    found = await house.call("server.files.get_directory", path="config")
                assert [folder["dirname"] for folder in found["dirs"]] == ["macros"]
                assert not ended
                share.answers.set()
        finally:
            share.answers.set()
        assert len(ended) == 2 * (THREADS + 2)
