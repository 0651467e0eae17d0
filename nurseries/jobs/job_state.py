"""What the printer prints: follows `print_stats` and tells what happens to the job.

`serve` listens to the link and publishes `mrk/jobs/events.py`; it ends when cancelled, or by
falling behind. The newest snapshot is kept until the printer is gone or `serve` runs anew; what it
showed is remembered longer, to tell which print was missed meanwhile.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import trio

from mrk.errors import ClientError, Transient
from mrk.fanout import EventReader, Fanout
from mrk.jobs.events import JobChanged, JobSeen, JobSnapshot, JobStateEvent, PrinterGone
from mrk.jobs.print_stats import PrintStats, changes, missed
from mrk.klippy.events import Disconnected, Identified, Ready, Shutdown, Started
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import read_object
from mrk.klippy.state import STARTUP
from mrk.status.update import StatusUpdate

logger = logging.getLogger(__name__)
# A read of the link (64 KiB) holds at most some 500 status updates, a few a second being usual.
EVENTS = 1024
OBJECTS: Mapping[str, None] = {"print_stats": None}
# Klipper answers with its next beat, 0.25 s at most; a slow host takes a few of them.
LOOK_FIRST_S = 2.0


class JobState:
    """Implements `JobStatePort`. `last_start` tells which start was noted last (`Starters`).

    `is_starting` says whether the printer took a start that it has not shown yet.
    """

    def __init__(
        self,
        klippy: KlippyPort,
        last_start: Callable[[], int] = lambda: 0,
        is_starting: Callable[[], bool] = lambda: False,
    ) -> None:
        self._klippy = klippy
        self._last_start = last_start
        self._is_starting = is_starting
        self._events: Fanout[JobStateEvent] = Fanout()
        self._look: JobSnapshot | None = None
        # The last start that was noted when it came.
        self._starts = 0
        # What was shown last, before an absence too.
        self._shown: PrintStats | None = None
        # Whether Klipper began anew since then.
        self._is_restarted = False
        # Whether every change since the newest snapshot is told of, by the subscription. Until then
        # updates may come that clients subscribed to: they tell what changed since an update that
        # was not for us.
        self._is_subscribed = False

    @property
    def snapshot(self) -> JobSnapshot | None:
        """The newest snapshot of the printer; None while nothing is known."""
        return self._look

    @property
    def is_active(self) -> bool:
        """Whether a print is known to be under way, paused or not."""
        return self._look is not None and self._look.stats.is_active

    @property
    def is_busy(self) -> bool:
        """The same, or the printer took a start that it has not shown yet."""
        return self.is_active or self._is_starting()

    @property
    def is_printing(self) -> bool:
        """Whether a print is known to be under way that is not paused."""
        return self._look is not None and self._look.stats.is_printing

    @property
    def was_active(self) -> bool | None:
        """The same of when the printer was seen last; None when it was not seen yet."""
        return None if self._shown is None else self._shown.is_active

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[JobStateEvent]:
        """Events from now on."""
        return self._events.open_reader(name, size, *kinds)

    async def query(self) -> PrintStats | None:
        """Ask the printer now; None when it is not ready or does not say."""
        if self._klippy.klippy_state != "ready":
            return None
        snapshot = await self._ask()
        return None if snapshot is None else snapshot.stats

    @property
    def is_known(self) -> bool:
        """Whether it is known how the last print ended; not so while one is under way."""
        return self._is_subscribed and not self.is_active

    async def look_first(self) -> None:
        """See how the last print ended, where that is unknown: a start makes Klipper forget it.

        To be called before a print is started; gives up after 2 s.
        """
        seen = None
        with trio.move_on_after(LOOK_FIRST_S):
            seen = await self._ask()
        if seen is not None and self._klippy.klippy_connected:
            self._take_look(seen, became_ready=False)

    async def file_position(self) -> int | None:
        """How far into the loaded file the printer is, in bytes; None when it does not say."""
        objects = {"virtual_sdcard": ["file_position"]}
        try:
            answer = await self._klippy.call("objects/query", {"objects": objects})
        except ClientError:
            return None
        position = read_object(answer, "virtual_sdcard").get("file_position")
        return position if type(position) is int and position > 0 else None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the printer. Raises `Transient` when Klipper refuses the subscription."""
        kinds = (Identified, Started, Ready, Shutdown, Disconnected, StatusUpdate)
        with self._klippy.open_events("job_state", EVENTS, *kinds) as events:
            self._look, self._is_subscribed = None, False
            events.only_about(OBJECTS)
            events.handle_first(self._is_no_news)
            task_status.started()
            if self._klippy.klippy_state not in ("disconnected", "startup"):
                await self._see(became_ready=False)
            async for event in events:
                await self._take(event)

    def _is_no_news(self, event: object) -> bool:
        """Whether an event, at most, moved the figures of the snapshot: nobody is woken for that.

        Klipper tells of a print's duration several times a second.
        """
        if not isinstance(event, StatusUpdate):
            return False
        before = self._look
        if before is None or not self._is_subscribed or event.eventtime <= before.eventtime:
            return True
        text = event.found.get("print_stats")
        stats = None if text is None else before.stats.moved(text)
        if stats is not None:
            # Nearly all of a print comes this way, so it is not taken apart for nothing.
            self._look = JobSnapshot(stats, event.eventtime, before.klippy_state)
            self._shown = stats
            return True
        after = self._after(event)
        if after is None:
            return True
        if changes(before.stats, after.stats):
            return False
        self._remember(after)
        return True

    async def _take(self, event: object) -> None:
        match event:
            case StatusUpdate() as update:
                self._follow(update)
            case Identified(info) if info.get("state") == STARTUP:
                # Nothing was printed yet by a Klipper that starts up.
                self._shown, self._is_restarted = PrintStats(), True
            case Ready():
                await self._see(became_ready=True)
            case Started(state) if state != "ready":
                await self._see(became_ready=False, klippy_state=state)
            case Shutdown():
                self._lose("klippy_shutdown")
            case Disconnected():
                self._lose("klippy_disconnect")
                self._look, self._is_subscribed = None, False

    def _lose(self, status: str) -> None:
        self._events.publish(PrinterGone(status, self._look))

    async def _see(self, *, became_ready: bool, klippy_state: str | None = None) -> None:
        """Look anew: what changed unseen is for the readers to decide.

        Asked before the subscription, which Klipper answers at its next beat only, and behind all
        others that subscribe after a restart; a print that ends meanwhile was seen then. What
        changed until the subscription holds is found by looking once more.
        """
        seen = await self._ask(klippy_state)
        if seen is not None:
            self._show(seen, became_ready)
        try:
            await self._klippy.subscribe(dict(OBJECTS))
        except ClientError as exc:
            if self._klippy.klippy_connected:
                raise Transient(f"no state of jobs: {exc.message}") from exc
            return
        again = await self._ask(klippy_state)
        if again is not None:
            self._take_look(again, became_ready)
        self._is_subscribed = again is not None

    def _take_look(self, seen: JobSnapshot, became_ready: bool) -> None:
        """Take what was seen by asking, unless a newer snapshot came meanwhile."""
        if self._look is None:
            self._show(seen, became_ready)
        elif seen.eventtime > self._look.eventtime:
            self._advance(seen)

    def _show(self, seen: JobSnapshot, became_ready: bool) -> None:
        before, newest = self._shown, self._look
        if newest is None or seen.eventtime > newest.eventtime:
            self._remember(seen)
        else:
            # Somebody else asked in the same beat, and has been told before us.
            self._look = msgspec.structs.replace(newest, klippy_state=seen.klippy_state)
        snapshot = self._look
        assert snapshot is not None
        logger.info("the printer's job is %s %s", snapshot.stats.state, snapshot.stats.filename)
        unseen = before is not None and missed(before, snapshot.stats)
        restarted, self._is_restarted = self._is_restarted, False
        self._events.publish(JobSeen(snapshot, became_ready, unseen, self._starts, restarted))

    def _remember(self, snapshot: JobSnapshot) -> None:
        self._look, self._shown = snapshot, snapshot.stats
        self._starts = self._last_start()

    async def _ask(self, klippy_state: str | None = None) -> JobSnapshot | None:
        state = klippy_state or self._klippy.klippy_state
        try:
            answer = await self._klippy.call("objects/query", {"objects": dict(OBJECTS)})
        except ClientError:
            return None
        return _read_look(answer, state)

    def _follow(self, update: StatusUpdate) -> None:
        after = self._after(update)
        if after is not None:
            self._advance(after)

    def _advance(self, after: JobSnapshot) -> None:
        """Publish what happened between the newest snapshot and `after`."""
        before = self._look
        self._remember(after)
        if before is None:
            return
        for event in changes(before.stats, after.stats):
            name = after.stats.filename or before.stats.filename
            logger.info("job %s: %s", event.value, name)
            self._events.publish(JobChanged(event, before.stats, after))

    def _after(self, update: StatusUpdate) -> JobSnapshot | None:
        """The snapshot that an update leads to; None when it says nothing new of the job."""
        if not self._is_subscribed:
            return None
        delta, before = update.fields("print_stats"), self._look
        # Updates that waited while the printer was looked at are older than that snapshot.
        if delta is None or before is None or update.eventtime <= before.eventtime:
            return None
        return JobSnapshot(before.stats.merged(delta), update.eventtime, before.klippy_state)


def _read_look(answer: Any, klippy_state: str) -> JobSnapshot | None:
    """From the answer to objects/query; None when it has no `print_stats`."""
    if not isinstance(answer, dict):
        return None
    status, eventtime = answer.get("status"), answer.get("eventtime")
    stats = status.get("print_stats") if isinstance(status, dict) else None
    if not isinstance(stats, dict) or not isinstance(eventtime, int | float):
        return None
    return JobSnapshot(PrintStats().merged(stats), float(eventtime), klippy_state)
