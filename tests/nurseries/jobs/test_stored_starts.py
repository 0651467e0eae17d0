"""Prints that begin and end while mrk ends and begins: the next one knows what was started."""

import contextlib
from functools import partial

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mrk.errors import ClientError
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.jobs.starters import Starters
from nurseries.jobs import history_store
from nurseries.jobs.stored_starts import LAST_WRITE_S, StoredStarts
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import Shop, World, open_shop
from tests.nurseries.jobs.test_next_start import linked, rows

TINY = b"M117 hello\n"
CHANGED = "notify_history_changed"


async def stored(database: MemoryDatabase) -> list[tuple[str, str | None]]:
    await wait_all_tasks_blocked()
    return await database.run(history_store.read_starts)


@pytest.mark.parametrize("way", ["SIGTERM", "kill"])
@pytest.mark.parametrize("next_one", [None, "tiny.gcode", "a.gcode"])
async def test_over_before_the_next_mrk_looks(
    world: World,
    memory_database: MemoryDatabase,
    autojump_clock: MockClock,
    way: str,
    next_one: str | None,
) -> None:
    world.put("tiny.gcode", text=TINY)
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="tiny.gcode", user="ann")
        assert await stored(memory_database) == [("tiny.gcode", "ann")]
        if way == "kill":
            memory_database.failure = ClientError("killed", 507)
    memory_database.failure = None
    world.linkable = False
    await trio.sleep(1)
    async with open_shop(world) as shop:
        await linked(shop)
        expected = [("tiny.gcode", "completed")]
        if next_one is not None:
            # No two prints take Klipper equally long, to the nanosecond.
            world.put("tiny.gcode", text=b"G4 P20\nM400\n")
            await shop.call("printer.print.start", filename=next_one)
            expected = [(next_one, "in_progress" if next_one == "a.gcode" else "completed")]
            expected.append(("tiny.gcode", "completed"))
        assert await rows(shop) == expected
        first = (await shop.jobs())[-1]
        assert (first["user"], first["print_duration"]) == ("ann", 0)
        actions = [note["action"] for note in shop.notes(CHANGED)]
        assert actions.count("added") == len(expected)
        totals = await shop.call("server.history.totals")
        ended = [end for _, end in expected if end == "completed"]
        assert totals["job_totals"]["total_jobs"] == len(ended)
    assert await stored(memory_database) == []
    async with open_shop(world) as shop:
        assert await rows(shop) == expected


async def test_one_that_goes_on_has_its_user(
    world: World, memory_database: MemoryDatabase, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode", user="ann")
        await wait_all_tasks_blocked()
        memory_database.failure = ClientError("killed", 507)
    memory_database.failure = None
    async with open_shop(world) as shop:
        (job,) = await shop.jobs()
        assert (job["user"], job["status"]) == ("ann", "in_progress")
        assert await stored(memory_database) == []


async def test_a_refused_start_leaves_nothing(
    world: World, memory_database: MemoryDatabase, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        with pytest.raises(ClientError):
            await shop.call("printer.print.start", filename="missing.gcode")
        assert await stored(memory_database) == []


@pytest.mark.parametrize("is_restored", [True, False])
async def test_the_last_start_is_stored_at_the_end(
    memory_database: MemoryDatabase, is_restored: bool
) -> None:
    """Also of a mrk that ended before it had read what the one before it awaited."""
    await memory_database.run(partial(history_store.keep_starts, awaited=[("b.gcode", "bob")]))
    starters = Starters()
    starts = StoredStarts(starters, memory_database)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(starts.serve)
        if is_restored:
            await starts.restore()
        await wait_all_tasks_blocked()
        starters.note_start("a.gcode", None)
        nursery.cancel_scope.cancel()
    assert await stored(memory_database) == [("b.gcode", "bob"), ("a.gcode", None)]


async def test_a_database_that_hangs_does_not_hold_up_the_end(autojump_clock: MockClock) -> None:
    class Hanging(MemoryDatabase):
        async def run(self, function, *, durable=False):  # type: ignore[no-untyped-def]
            await trio.sleep_forever()

    database, starters = Hanging(JOB_MIGRATIONS), Starters()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(StoredStarts(starters, database).serve)
        await wait_all_tasks_blocked()
        starters.note_start("a.gcode", None)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert trio.current_time() == LAST_WRITE_S
    database.close()


async def test_on_a_full_disk_a_start_is_known_as_long_as_mrk_runs(
    world: World, memory_database: MemoryDatabase, autojump_clock: MockClock
) -> None:
    world.put("tiny.gcode", text=TINY)
    async with open_shop(world) as shop:
        memory_database.write_failure = ClientError("full", 507)
        await shop.call("printer.print.start", filename="tiny.gcode", user="ann")
        await trio.sleep(1)
        memory_database.write_failure = None
        await trio.sleep(10)
        (job,) = await shop.jobs()
        assert (job["user"], job["status"]) == ("ann", "completed")


async def start_all(shop: Shop, *names: str) -> None:
    """In one burst: none waits for the others' answers."""

    async def start(name: str) -> None:
        with contextlib.suppress(ClientError):
            await shop.call("printer.print.start", filename=name)

    async with trio.open_nursery() as nursery:
        for name in names:
            nursery.start_soon(start, name)


@pytest.mark.parametrize("is_known", [True, False])
async def test_two_tiny_prints_in_one_burst(
    world: World, autojump_clock: MockClock, is_known: bool
) -> None:
    """The second start would make Klipper forget the first print before anybody saw it."""
    world.put("tiny.gcode", "small.gcode", text=TINY)
    await trio.sleep(2)  # until Klipper is ready
    world.linkable = is_known
    async with open_shop(world) as shop:
        if is_known:
            await shop.when(lambda: shop.job_state.is_known)
        else:
            await linked(shop)
        await start_all(shop, "tiny.gcode", "small.gcode")
        assert sorted(await rows(shop)) == [
            ("small.gcode", "completed"),
            ("tiny.gcode", "completed"),
        ]
