"""Prints and a queue on a disk that is full, run by `test_full_disk.py` inside a mount of its own.

Run as `python -m tests.nurseries.jobs.full_disk FOLDER`, FOLDER being 8 MB in size.
"""

import contextlib
import sys
from pathlib import Path

import trio

from mrk.errors import ClientError
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.database.subsystem import Database
from tests.fakes.own_mount import fill_up
from tests.fakes.workshop import Shop, open_shop, open_world


async def use_up(database: Database) -> None:
    """Until a write is refused: SQLite may have room of its own."""
    with contextlib.suppress(ClientError):
        for number in range(10_000):
            await database.put_item("filler", str(number), "x" * 4000)


async def print_whole(shop: Shop, filename: str) -> None:
    await shop.call("printer.print.start", filename=filename, user="ann")
    # At this speed nobody may see it print.
    await shop.when(lambda: not shop.starters.is_awaited(filename))
    await shop.when(lambda: not shop.job_state.is_active)


async def main(folder: Path) -> None:
    database = Database(folder / "database", folder / "backup", migrations=JOB_MIGRATIONS)
    with trio.fail_after(60):
        await prints(database, folder / "filler")


async def prints(database: Database, filler: Path) -> None:
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        async with open_world(database, speed=1000.0) as world:
            world.put("a.gcode", "b.gcode")
            async with open_shop(world) as shop:
                await print_whole(shop, "a.gcode")
                fill_up(filler)
                await use_up(database)
                await print_whole(shop, "b.gcode")
                await print_whole(shop, "a.gcode")
                assert len(await shop.jobs()) == 1
                filler.unlink()
                with trio.fail_after(30):
                    while len(await shop.jobs()) < 3:  # noqa: ASYNC110
                        await trio.sleep(0.1)
                statuses = [job["status"] for job in await shop.jobs()]
                assert statuses == ["completed"] * 3, statuses
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
    print("passed")
