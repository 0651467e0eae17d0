"""What a display shows of the printer: subscribed objects, console lines, the loaded file.

`follow` runs as long as the component does; it ends when cancelled.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.estimate.estimate_protocols import TimeLeft
from mrk.jobs.job_protocols import JobMetadata
from mrk.klippy.events import Disconnected, GcodeResponse, KlippyEvent, Ready, Started
from mrk.klippy.extruders import extruders
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import SETTINGS_QUESTION, read_names, read_settings
from mrk.paneldue.files import known
from mrk.paneldue.status import PrinterLook

logger = logging.getLogger(__name__)
OBJECTS = (
    "display_status",
    "fan",
    "gcode_move",
    "heater_bed",
    "idle_timeout",
    "motion_report",
    "print_stats",
    "toolhead",
    "virtual_sdcard",
)
# A macro may print some hundred lines at once.
EVENTS = 2048


class PanelPrinter:
    """`on_line` hears each console line, `on_away` that Klipper is gone."""

    def __init__(self, klippy: KlippyPort, metadata: JobMetadata, time_left: TimeLeft) -> None:
        self._klippy = klippy
        self._metadata = metadata
        self._time_left = time_left
        self._objects: list[str] = []
        self._kinematics = ""
        self.on_line: Callable[[str], None] = lambda text: None
        self.on_away: Callable[[], None] = lambda: None

    async def follow(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the objects subscribed, and pass on what is told."""
        kinds = (Started, Ready, Disconnected, GcodeResponse)
        with self._klippy.open_events("paneldue", EVENTS, *kinds) as events:
            events.handle_first(self._take_line)
            task_status.started()
            if self._klippy.klippy_state in ("ready", "shutdown"):
                await self._subscribe()
            async for event in events:
                match event:
                    case GcodeResponse(text):
                        self.on_line(text)
                    case Disconnected():
                        self._objects = []
                        self.on_away()
                    case Started("shutdown") | Ready():
                        await self._subscribe()

    def _take_line(self, event: KlippyEvent) -> bool:
        """Console lines may be many; they wake nobody."""
        if isinstance(event, GcodeResponse):
            self.on_line(event.text)
        return isinstance(event, GcodeResponse)

    async def _subscribe(self) -> None:
        try:
            listed = read_names(await self._klippy.call("objects/list"), "objects")
            wanted = [name for name in OBJECTS if name in listed] + extruders(listed)
            await self._klippy.subscribe(dict.fromkeys(wanted))
            answer = await self._klippy.call("objects/query", SETTINGS_QUESTION)
        except ClientError as exc:
            logger.warning("paneldue: the printer's status is not shown: %s", exc.message)
            return
        self._objects = wanted
        self._kinematics = _kinematics(read_settings(answer))

    def look(self) -> PrinterLook:
        """The printer now."""
        state = self._klippy.klippy_state
        # Between a start and the answer to our subscription nothing is known.
        if not self._objects:
            return PrinterLook("startup" if state == "ready" else state)
        return PrinterLook(
            state,
            {name: self._klippy.status(name) for name in self._objects},
            extruders(self._objects),
            str(self._klippy.info.get("software_version", "")),
            self._kinematics,
            self.metadata(self.loaded_file or ""),
            self._planned_left(),
        )

    def _planned_left(self) -> float | None:
        position = known(self._klippy.status("virtual_sdcard"), "file_position")
        path = self.loaded_file
        return None if path is None or position is None else self._time_left(path, int(position))

    @property
    def loaded_file(self) -> str | None:
        """The file that is printed, relative to gcodes; None without one."""
        name = self._klippy.status("print_stats").get("filename")
        return name.removeprefix("/") if isinstance(name, str) and name else None

    def metadata(self, path: str) -> Mapping[str, Any] | None:
        """Of a file; None when nothing is known of it."""
        return self._metadata.get(path)


def _kinematics(settings: Mapping[str, Mapping[str, Any]]) -> str:
    found = settings.get("printer", {}).get("kinematics")
    return found if isinstance(found, str) else ""
