"""A print that ends, and the next one that is started, before mrk has looked at the printer.

Once it is linked, a few of Klipper's beats pass until its first look; a client may be quicker.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

import pytest
import trio
from trio.testing import MemorySendStream, MockClock, wait_all_tasks_blocked

from mrk.api.caller import Caller, Transport
from mrk.api.outcome import HeldBack
from mrk.errors import ClientError
from mrk.fanout import EventReader, Fanout
from mrk.jobs.events import JobChanged
from mrk.jobs.queue import Transitions
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.klippy.events import KlippyEvent
from mrk.status.update import StatusUpdate
from mrk.virtual_printer.faults import Fault, FaultKind
from nurseries.jobs.job_state import LOOK_FIRST_S, JobState
from nurseries.testing.memory_database import MemoryDatabase
from tests.fakes.no_klippy import NoKlippy
from tests.fakes.workshop import Shop, World, open_shop, open_world
from tests.nurseries.jobs.test_unseen_prints import display

# From then on its moves are short: a cancel is carried out at once.
MOVING_S = 40


async def rows(shop: Shop) -> list[tuple[str, str]]:
    await shop.when(lambda: shop.job_state.snapshot is not None)
    await trio.sleep(1)
    await wait_all_tasks_blocked()
    return [(job["filename"], job["status"]) for job in await shop.jobs()]


async def linked(shop: Shop) -> None:
    """Return as soon as requests reach Klipper, before mrk has looked."""
    shop.world.linkable = True
    while not shop.link.klippy_connected:  # noqa: ASYNC110 - the link is the event
        await trio.sleep(0.001)
    assert shop.job_state.snapshot is None


def slowly(
    open_klippy: Callable[[], Awaitable[trio.abc.Stream]],
) -> Callable[[], Awaitable[trio.abc.Stream]]:
    """What is sent to Klipper takes a while, so that it has not told its state yet."""

    async def opened() -> trio.abc.Stream:
        stream = await open_klippy()
        assert isinstance(stream, trio.StapledStream)
        sending = stream.send_stream
        assert isinstance(sending, MemorySendStream)
        send = sending.send_all_hook

        async def later() -> None:
            await trio.sleep(0.1)
            assert send is not None
            await send()  # type: ignore[misc]

        sending.send_all_hook = later
        return stream

    return opened


async def start_once_free(shop: Shop, filename: str) -> None:
    """Try again and again: the printer refuses while another print is under way."""
    with trio.fail_after(60):
        while True:
            with contextlib.suppress(ClientError):
                await shop.call("printer.print.start", filename=filename)
                return
            await trio.sleep(0.01)


async def end_unseen(world: World, script: str, seconds: float = 0) -> None:
    async with display(world) as other:
        await other.ask("gcode/script", script=script)
    await trio.sleep(seconds)


@pytest.mark.parametrize("following", ["a.gcode", "b.gcode"])
async def test_cancelled_and_the_next_one_started_right_after_a_restart(
    world: World, autojump_clock: MockClock, following: str
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        await trio.sleep(MOVING_S)
    world.linkable = False
    async with open_shop(world) as shop:
        await linked(shop)
        await shop.call("printer.print.cancel")
        await shop.call("printer.print.start", filename=following, user="ann")
        assert await rows(shop) == [(following, "in_progress"), ("a.gcode", "cancelled")]
        first, second = reversed(await shop.jobs())
        assert first["total_duration"] == pytest.approx(MOVING_S, abs=3)
        assert (first["user"], second["user"]) == ("No User", "ann")
        assert second["start_time"] >= first["end_time"]


@pytest.mark.parametrize(
    ("script", "seconds", "status"),
    [
        ("CANCEL_PRINT", 0, "cancelled"),
        ("M117 on it goes", 300, "completed"),
        # The next one takes its place.
        ("PAUSE", 0, "cancelled"),
    ],
)
async def test_ended_while_mrk_was_away(
    world: World, autojump_clock: MockClock, script: str, seconds: float, status: str
) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        await trio.sleep(MOVING_S)
    world.linkable = False
    await end_unseen(world, script, seconds)
    async with open_shop(world) as shop:
        await linked(shop)
        await shop.call("printer.print.start", filename="b.gcode")
        assert await rows(shop) == [("b.gcode", "in_progress"), ("a.gcode", status)]


async def test_an_error_while_mrk_was_away(world: World, autojump_clock: MockClock) -> None:
    world.put("bad.gcode", text=b"G28\nG4 P3000\nG1 X900\n")
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="bad.gcode")
        await shop.until("printing")
    world.linkable = False
    await trio.sleep(60)
    async with open_shop(world) as shop:
        await linked(shop)
        await shop.call("printer.print.start", filename="b.gcode")
        assert await rows(shop) == [("b.gcode", "in_progress"), ("bad.gcode", "error")]


async def test_after_kill_9(autojump_clock: MockClock) -> None:
    """What a process leaves that did not note the end of mrk."""
    database = MemoryDatabase(JOB_MIGRATIONS)
    async with open_world(database) as world:
        world.put("a.gcode", "b.gcode")
        async with open_shop(world) as shop:
            await shop.call("printer.print.start", filename="a.gcode")
            await shop.until("printing")
            await trio.sleep(MOVING_S)
            database.failure = ClientError("killed", 507)
        database.failure = None
        world.linkable = False
        async with open_shop(world) as shop:
            await linked(shop)
            await shop.call("printer.print.cancel")
            await shop.call("printer.print.start", filename="b.gcode")
            assert await rows(shop) == [("b.gcode", "in_progress"), ("a.gcode", "cancelled")]
    database.close()


async def test_after_a_lost_link(world: World, autojump_clock: MockClock) -> None:
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="a.gcode")
        await shop.until("printing")
        await trio.sleep(MOVING_S)
        world.linkable = False
        world.printer.order(Fault(FaultKind.DROP_LINK, seconds=1))
        await shop.when(lambda: shop.job_state.snapshot is None)
        await trio.sleep(2)
        await linked(shop)
        await shop.call("printer.print.cancel")
        await shop.call("printer.print.start", filename="b.gcode")
        assert await rows(shop) == [("b.gcode", "in_progress"), ("a.gcode", "cancelled")]


async def test_what_was_nobodys_is_not_taken_for_the_one_that_is_started(
    world: World, autojump_clock: MockClock
) -> None:
    """The printer shows the end of a print of the same file that mrk never knew."""
    world.put("tiny.gcode", text=b"M117 hello\n")
    async with display(world) as other:
        await other.print_whole("tiny.gcode")
    world.linkable = False
    async with open_shop(world) as shop:
        await linked(shop)
        await shop.call("printer.print.start", filename="tiny.gcode")
        assert await rows(shop) == [("tiny.gcode", "completed")]


@pytest.mark.parametrize(("ours", "early"), [(True, True), (True, False), (False, False)])
async def test_a_klipper_that_has_halted_prints_nothing(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
    ours: bool,
    early: bool,
) -> None:
    """It shows the print that was under way as paused, until it is restarted."""
    if ours:
        async with open_shop(world) as shop:
            await shop.call("printer.print.start", filename="a.gcode")
            await shop.until("printing")
            await trio.sleep(MOVING_S)
            world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
            recorded = [("a.gcode", "klippy_shutdown")]
            assert await rows(shop) == recorded
    else:
        recorded = []
        async with display(world) as other:
            await trio.sleep(2)
            await other.ask("gcode/script", script="SDCARD_PRINT_FILE FILENAME=a.gcode")
            await trio.sleep(MOVING_S)
            world.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
    await trio.sleep(2)
    world.linkable = False
    monkeypatch.setattr(world, "open_klippy", slowly(world.open_klippy))
    async with open_shop(world) as shop:
        await linked(shop)
        if early:
            await shop.job_state.look_first()
            assert shop.job_state.snapshot is not None
            assert shop.job_state.snapshot.is_early
            assert shop.job_state.is_active
        await shop.when(lambda: shop.link.klippy_state == "shutdown")
        assert await rows(shop) == recorded
        assert shop.job_state.is_active


async def test_a_print_of_somebody_else_that_only_an_early_look_shows(
    world: World, autojump_clock: MockClock
) -> None:
    """It is over before the link is set up."""
    world.put("short.gcode", text=b"G4 P100\n" * 2 + b"M400\n")
    await trio.sleep(2)
    world.linkable = False
    async with open_shop(world) as shop:
        async with display(world) as other:
            await linked(shop)
            await other.ask("gcode/script", script="SDCARD_PRINT_FILE FILENAME=short.gcode")
            await shop.job_state.look_first()
            assert shop.job_state.is_active
        await shop.when(lambda: shop.link.klippy_state == "ready")
        assert await rows(shop) == [("short.gcode", "completed")]


@pytest.mark.parametrize("is_over", [True, False])
async def test_an_early_look_does_not_hold_up_the_queue(
    world: World, autojump_clock: MockClock, is_over: bool
) -> None:
    automatic = Transitions(automatic=True)
    async with open_shop(world, automatic) as shop:
        await shop.call("server.job_queue.post_job", filenames=["a.gcode", "b.gcode"])
        await shop.call("server.job_queue.start")
        await shop.until("printing")
    world.linkable = False
    await trio.sleep(300 if is_over else 1)
    async with open_shop(world, automatic) as shop:
        await linked(shop)
        await shop.job_state.look_first()
        await shop.when(lambda: shop.link.klippy_state == "ready")
        await shop.when(lambda: shop.job_state.is_active)
        await shop.when(lambda: not shop.job_state.is_active)
        await trio.sleep(300)
        assert await shop.queued() == ([], "paused")
        assert await rows(shop) == [("b.gcode", "completed"), ("a.gcode", "completed")]


async def test_without_a_link_nobody_waits(world: World, autojump_clock: MockClock) -> None:
    world.linkable = False
    async with open_shop(world) as shop:
        with pytest.raises(ClientError) as info:
            await shop.call("printer.print.start", filename="a.gcode")
        assert info.value.status == 503


class SilentKlippy(NoKlippy):
    """Connected, and never answers."""

    @property
    def klippy_state(self) -> str:
        return "ready"

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        await trio.sleep_forever()


async def test_a_silent_printer_does_not_hold_up_a_start_for_long(
    autojump_clock: MockClock,
) -> None:
    job_state = JobState(SilentKlippy())
    await job_state.look_first()
    assert trio.current_time() == pytest.approx(LOOK_FIRST_S)
    assert job_state.snapshot is None


async def test_completed_within_one_beat_of_the_next_start(
    world: World, autojump_clock: MockClock
) -> None:
    """Klipper's push would show the new print only, in the place of the one that has completed."""
    world.put("short.gcode", text=b"G28\n" + b"G4 P10\n" * 311)
    async with open_shop(world) as shop:
        await shop.call("printer.print.start", filename="short.gcode")
        await shop.until("printing")
        await start_once_free(shop, "b.gcode")
        assert await rows(shop) == [("b.gcode", "in_progress"), ("short.gcode", "completed")]


class HeldKlippy(NoKlippy):
    """Connected; from the second one on its answers come when a test lets them."""

    klippy_connected = True
    klippy_state = "ready"

    def __init__(self) -> None:
        self.asked: list[trio.Event] = []
        self.events: Fanout[KlippyEvent] = Fanout()

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]:
        return self.events.open_reader(name, size, *kinds)

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        due = trio.Event()
        self.asked.append(due)
        number = len(self.asked)
        if number > 1:
            await due.wait()
        state = "printing" if number < 3 else "complete"
        stats = {"state": state, "filename": "a.gcode", "total_duration": float(number)}
        return {"eventtime": float(number), "status": {"print_stats": stats}}

    async def subscribe(self, objects: Mapping[str, Collection[str] | None]) -> Mapping[str, Any]:
        return {}


@contextlib.asynccontextmanager
async def serving(klippy: HeldKlippy) -> AsyncIterator[tuple[JobState, trio.Nursery]]:
    """A job state on it, which has asked what it asks by itself."""
    job_state = JobState(klippy)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(job_state.serve)
        await wait_all_tasks_blocked()
        yield job_state, nursery
        nursery.cancel_scope.cancel()


async def test_an_older_answer_takes_nothing_back() -> None:
    klippy = HeldKlippy()
    async with serving(klippy) as (job_state, nursery):
        nursery.start_soon(job_state.look_first)
        await wait_all_tasks_blocked()
        _, again, before_start = klippy.asked
        for due in (before_start, again):
            due.set()
            await wait_all_tasks_blocked()
        assert job_state.snapshot is not None
        assert job_state.snapshot.stats.state == "complete"


class SettingUpKlippy(HeldKlippy):
    """Linked and not yet ready: clients have subscribed, the job state has not."""

    klippy_state = "startup"


async def test_changes_since_what_only_clients_were_told_are_not_taken_for_a_print() -> None:
    """The rest of them was told to clients alone: merged, they were the old print once more."""
    klippy = SettingUpKlippy()
    async with serving(klippy) as (job_state, nursery):
        for _ in range(2):
            nursery.start_soon(job_state.look_first)
            await wait_all_tasks_blocked()
        klippy.asked[1].set()
        await wait_all_tasks_blocked()
        with job_state.open_events("test", 10, JobChanged) as news:
            for total in (7.0, 8.0):
                status = {"print_stats": {"total_duration": total}}
                klippy.events.publish(StatusUpdate(status, total))
                await wait_all_tasks_blocked()
            with pytest.raises(trio.TooSlowError), trio.fail_after(0):
                await anext(news)
        assert job_state.snapshot is not None
        assert job_state.snapshot.stats.total_duration == 2.0


@pytest.mark.parametrize("looked_at", [False, True])
async def test_a_start_is_sent_before_what_is_held_back_goes_on(
    world: World, autojump_clock: MockClock, looked_at: bool
) -> None:
    """Right behind a link, and while a print is under way, the last print is looked at first."""
    world.linkable = looked_at
    async with open_shop(world) as shop:
        if looked_at:
            await shop.call("printer.print.start", filename="a.gcode")
            await shop.until("printing")
        else:
            await linked(shop)
        method = shop.table.method("printer.print.start", Transport.UNIX)
        held = method.call({"filename": "b.gcode"}, Caller(Transport.UNIX))
        assert isinstance(held, HeldBack)
        events: list[str] = []

        async def start() -> None:
            with contextlib.suppress(ClientError):  # the printer is busy
                await held.run(lambda: events.append("released"))
            events.append("answered")

        await start()
        assert events == ["released", "answered"]
