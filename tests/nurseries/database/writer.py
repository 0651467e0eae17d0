"""A process that writes until it is killed, and says what was acknowledged.

Run as `python -m tests.nurseries.database.writer DATA_FOLDER`; each line it prints is the number
of a write that had returned.
"""

import sys
from pathlib import Path

import trio

from tests.nurseries.database.conftest import build, client_of


async def main(data: Path) -> None:
    database = build(data, first_copy_s=0.0)
    ask = client_of(database)
    async with trio.open_nursery() as nursery:
        await nursery.start(database.serve)
        for warning in database.warnings:
            print("warning", warning, flush=True)
        known = [int(key) for key in await database.items("numbers")]
        nursery.start_soon(grow, database)
        nursery.start_soon(back_up, ask)
        for number in range(max(known, default=-1) + 1, sys.maxsize):
            value = {"n": number, "pad": "x" * (number % 5000)}
            await ask(
                "server.database.post_item", namespace="numbers", key=str(number), value=value
            )
            print(number, flush=True)


async def grow(database: object) -> None:
    """Rows in two tables that must appear together or not at all."""
    number = 0
    while True:
        number += 1
        await database.run(lambda c, n=number: pair(c, n), durable=number % 10 == 0)  # type: ignore


def pair(connection: object, number: int) -> None:
    execute = connection.execute  # type: ignore[attr-defined]
    sql = "INSERT INTO job_history (filename, status, start_time) VALUES ('x', 'completed', ?)"
    execute(sql, (number,))
    sql = "INSERT INTO job_totals VALUES ('history', 'jobs', NULL, 1)"
    execute(f"{sql} ON CONFLICT DO UPDATE SET total = total + 1")


async def back_up(ask: object) -> None:
    while True:
        await ask("server.database.post_backup", filename="b.db")  # type: ignore[operator]
        await ask("server.database.compact")  # type: ignore[operator]


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))
