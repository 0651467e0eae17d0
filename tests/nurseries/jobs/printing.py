"""A process that queues and prints until it is killed; each line it prints is the queue's ids.

Run as `python -m tests.nurseries.jobs.printing DATA_FOLDER`.
"""

import sys
from pathlib import Path
from typing import Any

import trio

from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.database.subsystem import Database
from tests.fakes.workshop import Shop, open_shop, open_world

QUEUE = "server.job_queue"


async def main(data: Path) -> None:
    database = Database(data / "database", data / "backup", migrations=JOB_MIGRATIONS)
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        async with open_world(database, speed=1000.0) as world:
            world.put("a.gcode")
            async with open_shop(world) as shop:
                nursery.start_soon(print_on, shop)
                status = await shop.call("server.job_queue.status")
                while True:
                    tell(status)
                    if len(status["queued_jobs"]) < 5:
                        status = await shop.call(f"{QUEUE}.post_job", filenames=["a.gcode"])
                    else:
                        first = status["queued_jobs"][0]["job_id"]
                        status = await shop.call(f"{QUEUE}.delete_job", job_ids=[first])


async def print_on(shop: Shop) -> None:
    """Short prints beside the queue, for the history."""
    while True:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.when(lambda: shop.job_state.is_active)
        await shop.when(lambda: not shop.job_state.is_active)


def tell(status: dict[str, Any]) -> None:
    print(*(job["job_id"] for job in status["queued_jobs"]), flush=True)


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
