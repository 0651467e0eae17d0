"""A life on a disk that is full, run by `test_full_disk.py` inside a mount of its own.

Run as `python -m tests.nurseries.database.full_disk FOLDER`, FOLDER being a small file system.
"""

import sys
from pathlib import Path

import trio

from tests.fakes.own_mount import fill_up
from tests.nurseries.database.conftest import build, client_of
from tests.nurseries.database.test_items import status_of

POST = "server.database.post_item"
BIG = "x" * 40_000


async def before(data: Path) -> None:
    """The disk becomes full while it runs, and stays so."""
    async with trio.open_nursery() as nursery:
        database = build(data)
        await nursery.start(database.serve)
        ask = client_of(database)
        await ask(POST, namespace="n", key="kept", value=1)
        fill_up(data / "filler")
        assert await status_of(ask, POST, namespace="n", key="big", value=BIG * 10) == 507
        nursery.cancel_scope.cancel()
    # A power cut or a clean end takes this file along; laying it out anew needs space.
    (data / "database" / "mrk.db-shm").unlink(missing_ok=True)
    fill_up(data / "filler")


async def full(data: Path) -> None:
    """It starts on the full disk, answers, refuses to store, and recovers."""
    async with trio.open_nursery() as nursery:
        database = build(data)
        await nursery.start(database.serve)
        ask = client_of(database)
        assert (await ask("server.database.get_item", namespace="n", key="kept"))["value"] == 1
        for number in range(3):
            key = f"more{number}"
            assert await status_of(ask, POST, namespace="n", key=key, value=BIG * 10) == 507
        assert await status_of(ask, "server.database.post_backup", filename="b.db") == 507
        assert (await ask("server.database.list"))["backups"] == []
        (data / "filler").unlink()
        await ask(POST, namespace="n", key="more", value=BIG)
        await ask("server.database.post_backup", filename="b.db")
        assert "disk is full" in database.warnings[0]
        nursery.cancel_scope.cancel()


async def main(data: Path) -> None:
    await before(data)
    await full(data)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
    print("passed")
