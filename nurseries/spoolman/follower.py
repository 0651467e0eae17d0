"""Follows Klipper's extruders into the book.

`serve` ends when cancelled or by falling behind; then nothing is lost, because places of extruders
are compared when it begins anew.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from mrk.errors import ClientError, Transient
from mrk.fanout import EventReader
from mrk.jobs.print_stats import PrintStats
from mrk.klippy.events import (
    Disconnected,
    Identified,
    KlippyEvent,
    Ready,
    Shutdown,
    Started,
)
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.messages import read_status
from mrk.spool.assignments import SpoolAssignments
from mrk.spool.klipper_run import KlipperRun, look_at
from mrk.status.numbers import finite
from mrk.status.update import StatusUpdate

logger = logging.getLogger(__name__)
# A read of the link (64 KiB) holds at most some 500 status updates, a few a second being usual.
EVENTS = 1024
KINDS = (Identified, Started, Ready, Shutdown, Disconnected, StatusUpdate)
SUBSCRIBED: Mapping[str, list[str]] = {
    "toolhead": ["position", "extruder"],
    "print_stats": ["filename", "total_duration", "state"],
}
LOOKED_AT = {**SUBSCRIBED, "toolhead": ["position", "extruder", "estimated_print_time"]}
# Klipper answers in a few ms; what it was last heard of is at most 0.25 s old.
LOOK_S = 2.0


class ExtruderFollower:
    """Fills `book`; `on_moved` is called when there is something to store, and `store` awaited when
    it should be soon: places of a new run of Klipper."""

    def __init__(
        self,
        klippy: KlippyPort,
        book: SpoolAssignments,
        on_moved: Callable[[], None],
        store: Callable[[], Awaitable[None]],
    ) -> None:
        self._klippy = klippy
        self._book = book
        self._on_moved = on_moved
        self._store = store
        self._attached = False
        self._begun = False
        self._stats = PrintStats()
        # The connection that was followed; a new one has a new `info`.
        self._info: Mapping[str, Any] | None = None

    def open_events(self) -> EventReader[KlippyEvent]:
        """What `follow` is to be given: from now on nothing is missed."""
        events = self._klippy.open_events("spoolman", EVENTS, *KINDS)
        events.only_about(SUBSCRIBED)
        return events

    async def follow(self, events: EventReader[KlippyEvent]) -> None:
        """Take what happens. Raises `Transient` when Klipper refuses the subscription."""
        self._attached = False
        if self._klippy.klippy_state == "startup":
            # So it reads while the link is set up, too, on a Klipper that has run for long.
            self._begun = self._begun or self._klippy.info.get("state") == "startup"
        elif self._klippy.klippy_state not in ("disconnected", "error"):
            await self._attach()
        async for event in events:
            await self._take(event)

    async def look(self) -> None:
        """Count up to this moment, if Klipper can be asked; else what was heard last must do."""
        if not self._attached:
            return
        with trio.move_on_after(LOOK_S):
            found = await self._ask(SUBSCRIBED)
            if found is not None and self._attached:
                status, eventtime = found
                self._count(status, eventtime)

    async def _take(self, event: KlippyEvent) -> None:
        match event:
            case StatusUpdate() as update:
                await self._heed(update)
            case Identified(info):
                self._begun = self._begun or info.get("state") == "startup"
            case Ready():
                await self._attach()
            case Started("shutdown"):
                await self._attach()
            case Disconnected():
                self._attached = False

    async def _attach(self) -> None:
        """Subscribe, and count what happened since the last look."""
        info = self._klippy.info
        try:
            await self._klippy.subscribe(dict(SUBSCRIBED))
        except ClientError as exc:
            if self._klippy.klippy_connected:
                raise Transient(f"extruders are not known: {exc.message}") from exc
            return
        found = await self._ask(LOOKED_AT)
        if found is None:
            return  # gone again; or no toolhead, and nothing to follow
        status, eventtime = found
        same = self._info is info and self._book.run is not None
        look = look_at(info, status, eventtime)
        self._stats = PrintStats().merged(status.get("print_stats", {}))
        run = self._book.attach(look, status.get("toolhead", {}), self._begun, same)
        if run is KlipperRun.UNKNOWN and self._book.extrusion.places_mm:
            logger.info("filament is counted from now on: what was used before is not known")
        self._info, self._begun, self._attached = info, False, True
        self._on_moved()
        await self._store()

    async def _ask(
        self, objects: Mapping[str, list[str]]
    ) -> tuple[dict[str, dict[str, Any]], float] | None:
        try:
            answer = await self._klippy.call("objects/query", {"objects": dict(objects)})
        except ClientError:
            return None
        eventtime = finite(answer.get("eventtime")) if isinstance(answer, dict) else None
        if eventtime is None:
            return None
        found, _ = read_status(answer)
        return (found, eventtime) if "toolhead" in found else None

    async def _heed(self, update: StatusUpdate) -> None:
        changed = ((name, update.fields(name)) for name in SUBSCRIBED)
        delta = {name: fields for name, fields in changed if fields is not None}
        if not self._attached or not delta:
            return
        self._count(delta, update.eventtime)
        if "extruder" in delta.get("toolhead", {}):
            # Places of tools that are not active cannot be asked for after a crash.
            await self._store()

    def _count(self, status: Mapping[str, Mapping[str, Any]], eventtime: float) -> None:
        book = self._book
        if "print_stats" in status:
            self._stats = self._stats.merged(status["print_stats"])
        if book.run is not None and eventtime > book.run.eventtime:
            book.run = book.run.printing(self._stats, eventtime)
        book.take(status.get("toolhead", {}), eventtime)
        if book.moved:
            self._on_moved()
