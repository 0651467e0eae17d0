"""Prints while the disk is full: what happened to them is stored when there is space again."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from mrk.errors import ClientError
from mrk.jobs.queue import Transitions
from nurseries.jobs.pending_writes import RETRY_S, PendingWrites
from nurseries.jobs.queue_store import read_queue
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.own_mount import passes_on_small_disk
from tests.fakes.workshop import Shop, World, open_shop

FULL = ClientError("The disk is full, nothing was stored", 507)


async def print_whole(shop: Shop, filename: str, user: str) -> None:
    await shop.call("printer.print.start", filename=filename, user=user)
    await shop.until("printing")
    await shop.until("complete")
    await trio.sleep(1)


async def test_prints_that_begin_and_end_meanwhile(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await print_whole(shop, "a.gcode", "ann")
        memory_database.write_failure = FULL
        shop.notes("notify_history_changed")
        for name, user in (("b.gcode", "bob"), ("b.gcode", "cem")):
            await print_whole(shop, name, user)
        assert len(await shop.jobs()) == 1
        assert shop.notes("notify_history_changed") == []
        memory_database.write_failure = None
        await trio.sleep(RETRY_S + 1)
        jobs = await shop.jobs()
        assert [(j["filename"], j["user"], j["status"]) for j in jobs] == [
            ("b.gcode", "cem", "completed"),
            ("b.gcode", "bob", "completed"),
            ("a.gcode", "ann", "completed"),
        ]
        for job in jobs:
            took = job["end_time"] - job["start_time"]
            assert took == pytest.approx(job["total_duration"], abs=0.5)
            assert job["filament_used"] == pytest.approx(20.0)
        assert [note["action"] for note in shop.notes("notify_history_changed")] == [
            "added", "finished", "added", "finished",
        ]  # fmt: skip
        assert (await shop.call("server.history.totals"))["job_totals"]["total_jobs"] == 3.0
        assert [noted[2] for noted in world.files.noted] == ["000001", "000002", "000003"]


@pytest.mark.parametrize("part", ["history", "job_state"])
async def test_a_part_that_begins_anew_meanwhile(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase, part: str
) -> None:
    memory_database.write_failure = FULL
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode", user="ann")
        await shop.until("printing")
        await shop.restart(part)
        await trio.sleep(1)
        await shop.until("complete")
        await shop.restart(part)
        memory_database.write_failure = None
        await trio.sleep(RETRY_S + 1)
        (job,) = await shop.jobs()
        assert (job["user"], job["status"]) == ("ann", "completed")
        assert (await shop.call("server.history.totals"))["job_totals"]["total_jobs"] == 1.0


async def test_a_print_of_the_last_mrk_goes_on_and_ends_meanwhile(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode", user="ann")
        await shop.until("printing")
    memory_database.write_failure = FULL
    async with open_shop(world) as shop:
        await shop.until("complete")
        await trio.sleep(1)
        memory_database.write_failure = None
        await trio.sleep(RETRY_S + 1)
        (job,) = await shop.jobs()
        assert (job["user"], job["status"]) == ("ann", "completed")


async def test_an_end_of_mrk_meanwhile_says_what_is_lost(
    world: World,
    autojump_clock: MockClock,
    memory_database: MemoryDatabase,
    caplog: pytest.LogCaptureFixture,
) -> None:
    memory_database.write_failure = FULL
    async with open_shop(world) as shop:
        await print_whole(shop, "a.gcode", "ann")
    assert "3 writes of the history are lost" in caplog.text


# The queue


async def test_the_queue_knows_what_happened_meanwhile(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world, Transitions(automatic=True)) as shop:
        await shop.call("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        await trio.sleep(1)
        memory_database.write_failure = FULL
        await shop.queue.on_file_moved("b.gcode", "d.gcode")
        await shop.queue.on_file_removed("d.gcode")
        assert (await shop.queued())[0] == []
        with pytest.raises(ClientError, match="full"):
            await shop.call("server.job_queue.post_job", filenames=["c.gcode"])
        await shop.until("complete")
        await shop.restart("job_queue")
        assert await shop.queued() == ([], "ready")
        memory_database.write_failure = None
        await trio.sleep(RETRY_S + 1)
        stored = await memory_database.run(read_queue)
        assert (stored.jobs, stored.state, stored.printing) == ((), "ready", None)


async def test_a_print_that_ends_meanwhile_lets_the_queue_go_on_after_a_start(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world, Transitions(automatic=True)) as shop:
        await shop.call("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        await trio.sleep(1)
        memory_database.write_failure = FULL
        await shop.until("complete")
        await trio.sleep(1)
        # Nothing is handed to the printer that could be handed to it twice.
        assert await shop.queued() == (["b.gcode"], "paused")
        memory_database.write_failure = None
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        await shop.until("complete")
        await trio.sleep(RETRY_S + 1)
        assert await shop.queued() == ([], "paused")


async def fall_behind(shop: Shop, memory_database: MemoryDatabase) -> None:
    """`b.gcode` is gone from the queue, and not from the disk, which has room again."""
    await shop.call("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
    memory_database.write_failure = FULL
    await shop.queue.on_file_removed("b.gcode")
    memory_database.write_failure = None


async def test_a_queue_that_begins_anew_while_it_is_behind(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await fall_behind(shop, memory_database)
        await shop.restart("job_queue")
        await trio.sleep(RETRY_S + 1)
        stored = await memory_database.run(read_queue)
        assert [job.filename for job in stored.jobs] == ["a.gcode"]


async def test_a_caller_that_leaves_while_the_queue_is_behind(
    world: World, autojump_clock: MockClock, memory_database: MemoryDatabase
) -> None:
    async with open_shop(world) as shop:
        await fall_behind(shop, memory_database)
        for checkpoints in range(4):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(shop.queue.add, ["c.gcode"])
                    for _ in range(checkpoints):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()
            assert (await shop.queued())[0][:1] == ["a.gcode"]
            assert "b.gcode" not in (await shop.queued())[0]
        await trio.sleep(RETRY_S + 1)
        queued, _ = await shop.queued()
        stored = await memory_database.run(read_queue)
        assert [job.filename for job in stored.jobs] == queued


async def test_a_queue_that_stays_behind_is_told_ever_more_rarely(
    world: World,
    autojump_clock: MockClock,
    memory_database: MemoryDatabase,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_shop(world) as shop:
        await shop.call("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        memory_database.write_failure = FULL
        await shop.queue.on_file_removed("b.gcode")
        await trio.sleep(120 * RETRY_S)
    told = [line for line in caplog.messages if "the job queue is not stored" in line]
    assert 1 < len(told) < 10


# The writes that wait


class Disk:
    def __init__(self) -> None:
        self.failure: BaseException | None = FULL
        self.stored: list[int] = []

    def write(self, number: int) -> Callable[[], Awaitable[None]]:
        async def write() -> None:
            await trio.lowlevel.checkpoint()
            if self.failure is not None:
                raise self.failure
            self.stored.append(number)

        return write


async def test_at_the_bound_the_oldest_are_given_up_and_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk, pending = Disk(), PendingWrites("the test", 3)
    for number in range(5):
        pending.add(disk.write(number))
    assert not await pending.run()
    assert (len(pending), disk.stored) == (3, [])
    disk.failure = None
    assert await pending.run()
    assert (len(pending), disk.stored) == (0, [2, 3, 4])
    assert "more than 3 writes wait" in caplog.text


async def test_what_is_refused_for_good_does_not_hold_up_the_rest() -> None:
    disk, pending = Disk(), PendingWrites("the test")
    disk.failure = ClientError("no such file", 404)
    pending.add(disk.write(1))
    assert await pending.run()
    assert len(pending) == 0


async def test_a_bug_in_a_write_is_not_met_again() -> None:
    disk, pending = Disk(), PendingWrites("the test")
    pending.add(disk.write(1))
    disk.failure = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await pending.run()
    assert await pending.run()


async def test_a_cancelled_write_is_made_again() -> None:
    disk, pending = Disk(), PendingWrites("the test")
    write = disk.write(1)
    pending.add(write)
    pending.add(write)
    assert len(pending) == 1
    with trio.CancelScope() as scope:
        scope.cancel()
        await pending.run()
    disk.failure = None
    assert await pending.run()
    assert disk.stored == [1]


@pytest.mark.e2e
def test_on_a_real_full_disk(tmp_path: Path) -> None:
    passes_on_small_disk(tmp_path, "8m", "tests.nurseries.jobs.full_disk")
