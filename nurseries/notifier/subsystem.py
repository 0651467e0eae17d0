"""Notifiers: follows the printer and tells each notifier of what it wants to know.

`serve` runs the process that sends and a task for each notifier; it ends when cancelled. Macros
call the remote method `notify`.
"""

import enum
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.fanout import EventReader
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot, JobStateEvent
from mrk.jobs.job_protocols import JobStatePort, QueueNews
from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.klippy.events import Disconnected, KlippyEvent, Ready, Shutdown
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import read_names
from mrk.notifier.events import (
    FILAMENT_RUNOUT,
    PROGRESS,
    QUEUE_EMPTY,
    REMOTE_ACTION,
    RUNOUT_SENSORS,
    SHUTDOWN,
    RunoutSensors,
    is_wanted,
    job_event,
)
from mrk.notifier.message import NotifierEvent, Stats, stats_of
from mrk.status.numbers import finite
from mrk.status.update import StatusUpdate
from nurseries.notifier.notifier import MessageSender, Notifier
from nurseries.notifier.sending.messages import Delivery

logger = logging.getLogger(__name__)
METHOD = "notify"
TEST_FILE = "notifier_test.gcode"
PROGRESS_OBJECT = "virtual_sdcard"
# A read of the link holds at most some 500 status updates.
EVENTS = 1024
NEWS = 64


class _Print(enum.Enum):
    """What is known of the print whose progress is told."""

    NONE = enum.auto()  # none is under way, or its start is not told yet
    MET = enum.auto()  # it began before we looked, and how far it is is not known yet
    FOLLOWED = enum.auto()


class Notifiers:
    """All notifiers, by name; implements `Testing`."""

    def __init__(
        self,
        notifiers: Sequence[Notifier],
        sender: MessageSender,
        klippy: KlippyPort,
        job_state: JobStatePort,
        queue: QueueNews,
    ) -> None:
        self._notifiers = {one.settings.name: one for one in notifiers}
        self._sender = sender
        self._klippy = klippy
        self._job_state = job_state
        self._runout = RunoutSensors()
        self._info: object = None
        self._print = _Print.NONE
        wanted = {word for one in notifiers for word in one.settings.events}
        self._wants_runout = FILAMENT_RUNOUT in wanted
        self._wants_progress = any(one.settings.progress for one in notifiers)
        klippy.register_remote_method(METHOD, self._remote)
        queue.on_emptied(lambda: self._tell_now(QUEUE_EMPTY))

    @property
    def warnings(self) -> list[str]:
        """For server.info."""
        return [text for one in self._notifiers.values() for text in one.warnings]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the printer."""
        kinds: tuple[type, ...] = (Shutdown,)
        if self._wants_progress or self._wants_runout:
            kinds = (Ready, Shutdown, Disconnected, StatusUpdate)
        with (
            self._job_state.open_events("notifier", NEWS, JobSeen, JobChanged) as news,
            self._klippy.open_events("notifier", EVENTS, *kinds) as events,
        ):
            async with trio.open_nursery() as nursery:
                await nursery.start(self._sender.serve, name="notification sender")
                for name, one in self._notifiers.items():
                    nursery.start_soon(one.serve, name=f"notifier {name}")
                nursery.start_soon(self._follow_jobs, news, name="notifier jobs")
                nursery.start_soon(self._follow_klippy, events, name="notifier printer")
                task_status.started()

    # What happens

    async def _follow_jobs(self, news: EventReader[JobStateEvent]) -> None:
        self._meet(self._job_state.snapshot)
        async for item in news:
            match item:
                case JobSeen(look):
                    self._meet(look)
                case JobChanged(event, previous, look):
                    name = job_event(event)
                    if name is not None:
                        self._tell(name, previous, look.stats)
                    if event is JobEvent.STARTED:
                        self._begin_marks(0.0)
                        self._print = _Print.FOLLOWED
                    elif not look.stats.is_active:
                        self._print = _Print.NONE

    def _meet(self, look: JobSnapshot | None) -> None:
        met = look is not None and look.stats.is_active
        self._print = _Print.MET if met else _Print.NONE
        self._look_where_it_is()

    async def _follow_klippy(self, events: EventReader[KlippyEvent]) -> None:
        events.handle_first(self._is_no_news)
        if self._klippy.klippy_state == "ready":
            await self._subscribe(events)
        async for event in events:
            match event:
                case Ready():
                    await self._subscribe(events)
                case Shutdown(message):
                    # Below the first line Klipper explains what to do then.
                    self._tell_now(SHUTDOWN, message.partition("\n")[0])
                case Disconnected():
                    self._runout.forget()
                case StatusUpdate() as update:
                    self._take(update.delta)

    def _is_no_news(self, event: KlippyEvent) -> bool:
        """Whether an event tells nothing of a filament sensor, and no mark is reached with it."""
        if not isinstance(event, StatusUpdate):
            return False
        names = event.names
        if self._wants_runout and any(name.startswith(RUNOUT_SENSORS) for name in names):
            return False
        if not self._wants_progress or PROGRESS_OBJECT not in names:
            return True
        if self._print is not _Print.FOLLOWED:
            return self._print is _Print.NONE
        percent = self._percent() or 0.0
        return not any(one.marks.is_reached(percent) for one in self._notifiers.values())

    async def _subscribe(self, events: EventReader[KlippyEvent]) -> None:
        """Hear of what notifiers want to know besides jobs."""
        wanted: dict[str, None] = {}
        try:
            if self._wants_runout:
                listed = read_names(await self._klippy.call("objects/list"), "objects")
                wanted.update(dict.fromkeys(n for n in listed if n.startswith(RUNOUT_SENSORS)))
            if self._wants_progress:
                wanted[PROGRESS_OBJECT] = None
            if wanted:
                events.only_about(wanted)
                self._runout.take(await self._klippy.subscribe(wanted))
                self._look_where_it_is()
        except ClientError as exc:
            logger.warning("progress and filament sensors are not followed: %s", exc.message)

    def _take(self, delta: Mapping[str, Any]) -> None:
        if self._wants_runout:
            for sensor in self._runout.take(delta):
                if self._job_state.is_active:
                    self._tell_now(FILAMENT_RUNOUT, sensor)
        if self._wants_progress and PROGRESS_OBJECT in delta and self._job_state.is_active:
            self._tell_progress()

    def _tell_progress(self) -> None:
        """Marks that were passed; none before the start of the print is told."""
        self._look_where_it_is()
        if self._print is not _Print.FOLLOWED:
            return
        percent = self._percent() or 0.0
        for one in self._notifiers.values():
            mark = one.marks.reached(percent)
            if mark is not None:
                one.put(self._event(PROGRESS, *self._now(), str(mark)))

    def _look_where_it_is(self) -> None:
        """Marks that lie behind a print that is met were told by an earlier run, or missed."""
        if self._print is _Print.MET and (percent := self._percent()) is not None:
            self._begin_marks(percent)
            self._print = _Print.FOLLOWED

    def _percent(self) -> float | None:
        """How far the file is read; None while that is not known."""
        progress = finite(self._klippy.status(PROGRESS_OBJECT).get("progress"))
        return None if progress is None else progress * 100

    def _begin_marks(self, percent: float) -> None:
        for one in self._notifiers.values():
            one.marks.begin(percent)

    # Telling

    def _tell(self, name: str, previous: PrintStats, now: PrintStats, message: str = "") -> None:
        event = self._event(name, previous, now, message)
        for one in self._notifiers.values():
            if is_wanted(name, one.settings.events):
                one.put(event)

    def _tell_now(self, name: str, message: str = "") -> None:
        self._tell(name, *self._now(), message)

    def _now(self) -> tuple[PrintStats, PrintStats]:
        look = self._job_state.snapshot
        stats = PrintStats() if look is None else look.stats
        return stats, stats

    def _event(
        self, name: str, previous: PrintStats, now: PrintStats, message: str
    ) -> NotifierEvent:
        before, self._info = self._info, self._klippy.status("print_stats").get("info")
        args = (stats_of(previous, before), stats_of(now, self._info))
        return NotifierEvent(name, args, message, now.filename or previous.filename)

    def _remote(self, name: str, message: str = "") -> None:
        """From a macro; called in the link's reader."""
        found = self._notifiers.get(str(name))
        if found is None:
            logger.warning("a macro calls the notifier '%.60s', and there is none", name)
            return
        _, now = self._now()
        found.put(NotifierEvent(REMOTE_ACTION, (), str(message), now.filename))

    async def test(self, name: str) -> tuple[Stats, Delivery]:
        """`Testing.test`."""
        found = self._notifiers.get(name)
        if found is None:
            raise ClientError(f"There is no notifier '{name:.60}' in the configuration", 404)
        look = self._job_state.snapshot
        stats: Stats = {} if look is None else stats_of(look.stats, self._info)
        stats["filename"] = TEST_FILE
        event = NotifierEvent(_first_event(found), (stats, stats), "", TEST_FILE)
        return stats, await found.send_now(event)


def _first_event(notifier: Notifier) -> str:
    """What a test tells of: the first event that is one."""
    words = {"*": "started", "gcode": REMOTE_ACTION}
    first = next(iter(notifier.settings.events), PROGRESS)
    return words.get(first, first)
