"""Uploads with print=true onto a printer that is off: queued, powered, started when ready."""

import contextlib

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from mrk.api.caller import Caller, Transport
from mrk.api.outcome import AskedOther, HeldBack
from mrk.errors import ClientError
from mrk.files.transfers import PrintStart
from mrk.jobs.queue import ONE_BY_ONE, Transitions
from mrk.virtual_printer.faults import Fault, FaultKind
from nurseries.jobs.upload_prints import UploadPrinter
from tests.fakes.results import settled
from tests.fakes.workshop import Shop, World, open_shop


def printer_of(shop, *, queue_uploads=False):
    """The part under test, and what it has switched on."""
    gcode = shop.printer.gcode
    uploads = UploadPrinter(gcode, shop.job_state, shop.queue, queue_uploads)
    shop.printer.ask_before_start(uploads)
    switched: list[str] = []
    return uploads, switched


@pytest.mark.parametrize("transitions", [ONE_BY_ONE, Transitions(automatic=True)])
async def test_a_printer_that_is_off(
    world: World, autojump_clock: MockClock, transitions: Transitions
) -> None:
    world.linkable = False
    world.put("old.gcode", "part.gcode")
    async with open_shop(world, transitions) as shop:
        uploads, switched = printer_of(shop)
        await shop.queue.add(["old.gcode"])
        shop.queue.on_jobs_added(lambda: switched.append("on"))
        outcome = await uploads.print_upload("part.gcode", "ann")
        assert outcome.start is PrintStart.QUEUED
        assert outcome.reason == "the printer is being switched on"
        assert switched
        # The slicer asks once more, in either way.
        assert await shop.call("printer.print.start", filename="part.gcode") == "already queued"
        assert (await uploads.print_upload("part.gcode")).reason == "already queued"
        assert not await uploads.is_queued("old.gcode")
        assert (await shop.queued())[0] == ["part.gcode", "old.gcode"]
        world.linkable = True
        await shop.until("printing")
        await shop.when(lambda: shop.job_state.is_active)
        snapshot = shop.job_state.snapshot
        assert snapshot is not None
        assert snapshot.stats.filename == "part.gcode"
        assert (await shop.queued())[0] == ["old.gcode"]


async def test_without_a_power_device_a_printer_that_is_off_refuses(
    world: World, autojump_clock: MockClock
) -> None:
    world.linkable = False
    world.put("part.gcode")
    async with open_shop(world) as shop:
        uploads, _switched = printer_of(shop)
        outcome = await uploads.print_upload("part.gcode")
        assert outcome.start is PrintStart.REFUSED
        assert await shop.queued() == ([], "paused")


@pytest.mark.parametrize("transitions", [ONE_BY_ONE, Transitions(automatic=True)])
async def test_what_was_queued_before_waits_for_its_start(
    world: World, autojump_clock: MockClock, transitions: Transitions
) -> None:
    world.linkable = False
    world.put("old.gcode")
    async with open_shop(world, transitions) as shop:
        printer_of(shop)
        shop.queue.on_jobs_added(lambda: None)
        await shop.queue.add(["old.gcode"])
        world.linkable = True
        await shop.when(lambda: shop.link.klippy_state == "ready")
        await shop.when(lambda: shop.job_state.snapshot is not None)
        assert await shop.queued() == (["old.gcode"], "paused")
        assert not shop.job_state.is_active


async def busy_printer(shop: Shop, seconds: float, nursery: trio.Nursery) -> None:
    """A script that Klipper works on for so long before it reads another one."""

    async def busy() -> None:
        with contextlib.suppress(ClientError):
            await shop.run(f"G4 P{seconds * 1000:.0f}")

    nursery.start_soon(busy)
    await trio.testing.wait_all_tasks_blocked()


async def drop_link_at_start(shop: Shop, away_s: float, later_s: float = 0.0) -> None:
    """The link breaks `later_s` after a start was sent, and comes back `away_s` later."""
    await shop.when(lambda: any("PRINT_FILE" in one for one in shop.commands.scripts))
    await trio.sleep(later_s)
    shop.world.printer.order(Fault(FaultKind.DROP_LINK, seconds=away_s))


@pytest.mark.parametrize("busy_s", [10.0, 60.0])
async def test_a_lost_answer_queues_no_print_that_goes_on(
    world: World, autojump_clock: MockClock, busy_s: float
) -> None:
    world.put("part.gcode")
    async with (
        open_shop(world, Transitions(automatic=True)) as shop,
        trio.open_nursery() as nursery,
    ):
        uploads, _switched = printer_of(shop, queue_uploads=True)

        await busy_printer(shop, busy_s, nursery)
        nursery.start_soon(drop_link_at_start, shop, 20.0)
        outcome = await uploads.print_upload("part.gcode")
        assert (outcome.start, outcome.reason) == (PrintStart.QUEUED, "Klippy Disconnected")
        assert (await shop.queued())[0] == ["part.gcode"]
        await shop.until("printing")
        await trio.testing.wait_all_tasks_blocked()
        assert (await shop.queued())[0] == []


@pytest.mark.parametrize("away_s", [1.0, 5.0])
async def test_klipper_may_be_back_before_the_upload_is_queued(
    world: World, autojump_clock: MockClock, away_s: float
) -> None:
    """A slow disk says that the file is there when it is printing already."""
    world.put("part.gcode")
    async with (
        open_shop(world, Transitions(automatic=True)) as shop,
        trio.open_nursery() as nursery,
    ):
        uploads, _switched = printer_of(shop, queue_uploads=True)
        await shop.when(lambda: shop.job_state.is_known)

        await busy_printer(shop, 3.0, nursery)
        world.files.slow_s = 7.0
        nursery.start_soon(drop_link_at_start, shop, away_s, 0.5)  # the printer has read it
        outcome = await uploads.print_upload("part.gcode")
        assert (outcome.start, outcome.reason) == (PrintStart.QUEUED, "Klippy Disconnected")
        await trio.sleep(60)
        assert (await shop.queued())[0] == []
        assert [job["filename"] for job in await shop.jobs()] == ["part.gcode"]


async def test_a_refused_upload_is_queued(world: World, autojump_clock: MockClock) -> None:
    world.put("part.gcode")
    async with open_shop(world) as shop:
        uploads, _switched = printer_of(shop, queue_uploads=True)
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        outcome = await uploads.print_upload("part.gcode", "ann")
        assert (outcome.start, outcome.reason) == (PrintStart.QUEUED, "a print is under way")
        await shop.until("complete")
        # Who prints it past the queue takes nothing from it.
        await shop.call("printer.print.start", filename="part.gcode", user="bob")
        await shop.until("printing")
        await shop.until("complete")
        assert (await shop.queued())[0] == ["part.gcode"]
        await shop.call("server.job_queue.start")
        await shop.until("printing")
        assert [job["user"] for job in await shop.jobs()] == ["ann", "bob", "No User"]


async def test_what_is_not_queued_is_started_or_refused(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world) as shop:
        uploads, _switched = printer_of(shop)
        outcome = await uploads.print_upload("a.gcode", "ann")
        assert outcome.start is PrintStart.STARTED
        await shop.until("printing")
        outcome = await uploads.print_upload("b.gcode")
        assert (outcome.start, outcome.reason) == (PrintStart.REFUSED, "a print is under way")
        await shop.until("complete")
        uploads, _switched = printer_of(shop, queue_uploads=True)
        outcome = await uploads.print_upload("gone.gcode")
        assert (outcome.start, outcome.reason) == (
            PrintStart.REFUSED, "File 'gone.gcode' does not exist",
        )  # fmt: skip
        assert [(job["filename"], job["user"]) for job in await shop.jobs()] == [("a.gcode", "ann")]


async def test_the_next_of_a_queue_that_loads_is_not_started_twice(
    world: World, autojump_clock: MockClock
) -> None:
    async with open_shop(world, Transitions(automatic=True, delay_s=30.0)) as shop:
        uploads, _switched = printer_of(shop)
        await shop.queue.add(["a.gcode", "b.gcode"])
        await shop.call("server.job_queue.start")
        await shop.until("complete")
        await trio.testing.wait_all_tasks_blocked()
        # Only where queued jobs switch the printer on.
        assert not await uploads.is_queued("b.gcode")
        shop.queue.on_jobs_added(lambda: None)
        assert await uploads.is_queued("b.gcode")
        assert await uploads.is_queued("/b.gcode")
        assert not await uploads.is_queued("c.gcode")
        await shop.call("server.job_queue.pause")
        assert not await uploads.is_queued("b.gcode")
        outcome = await uploads.print_upload("b.gcode")
        assert outcome.start is PrintStart.STARTED
        assert await shop.queued() == (["b.gcode"], "paused")


async def test_a_start_with_nothing_queued_is_sent_where_it_is_asked_for(
    world: World, autojump_clock: MockClock
) -> None:
    """Though queued jobs switch the printer on: none can wait for that."""
    async with open_shop(world) as shop:
        printer_of(shop)
        shop.queue.on_jobs_added(lambda: None)
        await shop.call("server.job_queue.status")
        await shop.when(lambda: shop.job_state.is_known)
        method = shop.table.method("printer.print.start", Transport.UNIX)
        start = method.call({"filename": "a.gcode"}, Caller(Transport.UNIX))
        assert isinstance(start, AskedOther)
        await shop.queue.add(["a.gcode"])
        asked = method.call({"filename": "a.gcode"}, Caller(Transport.UNIX))
        assert isinstance(asked, HeldBack)
        assert await settled(asked) == "ok"
