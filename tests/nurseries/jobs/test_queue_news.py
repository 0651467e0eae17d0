"""What clients and siblings are told of the queue when something happens that nobody ordered."""

import contextlib
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from mrk.errors import ClientError
from mrk.jobs.queue import Transitions
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.virtual_printer.faults import Fault, FaultKind
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.workshop import Shop, World, open_shop, open_world

CHANGED = "notify_job_queue_changed"


async def post(shop: Shop, *names: str, **more: Any) -> None:
    await shop.call("server.job_queue.post_job", filenames=list(names), **more)


def prints(shop: Shop, name: str) -> bool:
    look = shop.job_state.snapshot
    return look is not None and look.stats.is_active and look.stats.filename == name


async def test_another_name_of_a_file_queues_nothing_new(
    world: World, autojump_clock: MockClock
) -> None:
    switched: list[str] = []
    async with open_shop(world) as shop:
        shop.queue.on_jobs_added(lambda: switched.append("on"))
        await post(shop, "a.gcode")
        assert switched == ["on"]
        await shop.queue.on_file_moved("a.gcode", "d.gcode")
        told = shop.notes(CHANGED)[-1]
        assert [job["filename"] for job in told["updated_queue"]] == ["d.gcode"]
        assert switched == ["on"]


@pytest.mark.parametrize("automatic", [True, False])
async def test_the_print_of_the_last_job_empties_the_queue(
    world: World, autojump_clock: MockClock, automatic: bool
) -> None:
    told: list[str] = []
    async with open_shop(world, Transitions(automatic=automatic)) as shop:
        shop.queue.on_emptied(lambda: told.append("empty"))
        await shop.call("printer.print.start", filename="c.gcode")
        await shop.until("printing")
        await shop.until("complete")
        await post(shop, "a.gcode", "b.gcode")
        for name in ("a.gcode", "b.gcode"):
            assert told == []
            if name == "a.gcode" or not automatic:
                await shop.call("server.job_queue.start")
            await shop.when(partial(prints, shop, name))
            await shop.until("complete")
            await trio.testing.wait_all_tasks_blocked()
        assert told == ["empty"]
        # What is printed past the queue has nothing to do with it.
        await shop.call("printer.print.start", filename="c.gcode")
        await shop.until("printing")
        await shop.until("complete")
        assert told == ["empty"]


@pytest.mark.parametrize(
    "end", ["CANCEL_PRINT", 'PAUSE\nSDCARD_PRINT_FILE FILENAME="b.gcode"', "shutdown", "restart"]
)
async def test_a_last_job_that_was_lost_empties_nothing(
    world: World, autojump_clock: MockClock, end: str
) -> None:
    told: list[str] = []
    async with open_shop(world) as shop:
        shop.queue.on_emptied(lambda: told.append("empty"))
        await post(shop, "a.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        match end:
            case "shutdown":
                world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
                await shop.when(lambda: shop.link.klippy_state == "shutdown")
                await shop.call("printer.firmware_restart")
            case "restart":
                await shop.call("printer.restart")
            case script:
                await shop.run(script)
        await shop.when(lambda: shop.link.klippy_state == "ready")
        await trio.sleep(5)
        if not shop.job_state.is_active:
            await shop.call("printer.print.start", filename="b.gcode")
            await shop.until("printing")
        await shop.until("complete")
        await trio.testing.wait_all_tasks_blocked()
        assert told == []


async def test_the_last_job_may_end_unseen(world: World, autojump_clock: MockClock) -> None:
    told: list[str] = []
    async with open_shop(world) as shop:
        shop.queue.on_emptied(lambda: told.append("empty"))
        await post(shop, "a.gcode")
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        await be_away_until_the_end(world, shop)
        assert told == ["empty"]
        # It is told once.
        world.printer.order(Fault(FaultKind.DROP_LINK, seconds=1.0))
        await shop.when(lambda: not shop.link.klippy_connected)
        await shop.until("complete")
        await trio.testing.wait_all_tasks_blocked()
        assert told == ["empty"]


async def be_away_until_the_end(world: World, shop: Shop) -> None:
    """The link breaks while a print is under way, and comes back behind its end."""
    world.linkable = False
    world.printer.order(Fault(FaultKind.DROP_LINK, seconds=1.0))
    await shop.when(lambda: not shop.link.klippy_connected)
    await trio.sleep(600)
    world.linkable = True
    await shop.until("complete")
    await trio.testing.wait_all_tasks_blocked()


async def test_a_last_job_whose_start_was_answered_unseen_empties_the_queue(
    world: World, autojump_clock: MockClock
) -> None:
    told: list[str] = []
    async with open_shop(world) as shop:
        shop.queue.on_emptied(lambda: told.append("empty"))
        await post(shop, "a.gcode")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ignoring_a_lost_link, shop, "G4 P2000")
            await trio.testing.wait_all_tasks_blocked()
            await shop.call("server.job_queue.start")
            await shop.when(lambda: any("SDCARD" in text for text in shop.commands.scripts))
            await trio.testing.wait_all_tasks_blocked()
            world.printer.order(Fault(FaultKind.DROP_LINK, seconds=4.0))
        await shop.until("printing")
        assert told == []
        await shop.until("complete")
        await trio.testing.wait_all_tasks_blocked()
        assert told == ["empty"]


async def ignoring_a_lost_link(shop: Shop, script: str) -> None:
    with contextlib.suppress(ClientError):
        await shop.run(script)


@pytest.mark.parametrize("end", ["complete", "cancelled"])
async def test_the_last_job_may_outlive_mrk(
    world: World, autojump_clock: MockClock, end: str
) -> None:
    told: list[str] = []
    async with open_shop(world) as shop:
        await post(shop, "a.gcode")
        await shop.call("server.job_queue.start")
        await shop.when(partial(prints, shop, "a.gcode"))
    async with open_shop(world) as shop:
        shop.queue.on_emptied(lambda: told.append("empty"))
        if end == "cancelled":
            await shop.run("CANCEL_PRINT")
        await shop.until(end)
        await trio.testing.wait_all_tasks_blocked()
        assert told == (["empty"] if end == "complete" else [])


class LeftDatabase(MemoryDatabase):
    """Its callers leave, by `scope`, when their call has been carried out: a thread does that."""

    scope: trio.CancelScope | None = None

    async def run(self, function: Any, *, durable: bool = False) -> Any:
        result = await super().run(function, durable=durable)
        if self.scope is not None:
            scope, self.scope = self.scope, None
            scope.cancel()
            await trio.lowlevel.checkpoint()
        return result


async def test_what_clients_ordered_that_left_meanwhile_takes_effect(
    autojump_clock: MockClock,
) -> None:
    database = LeftDatabase(JOB_MIGRATIONS)
    switched: list[str] = []
    async with open_world(database) as world:
        world.put("a.gcode")
        async with open_shop(world) as shop:
            shop.queue.on_jobs_added(lambda: switched.append("on"))
            with trio.CancelScope() as database.scope:
                await post(shop, "a.gcode")
            await trio.testing.wait_all_tasks_blocked()
            assert [note["action"] for note in shop.notes(CHANGED)] == ["jobs_added"]
            assert switched == ["on"]
            with trio.CancelScope() as database.scope:
                await shop.call("server.job_queue.start")
            await shop.until("printing")
            await trio.testing.wait_all_tasks_blocked()
            assert await shop.queued() == ([], "paused")
    database.close()
