"""What the cloud hears of the printer: subscribed objects, jobs and console lines.

`follow` runs whether the cloud is there or not, so that no job is missed; it ends when cancelled.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.fanout import EventReader
from mrk.jobs.events import JobChanged, JobStateEvent
from mrk.jobs.job_protocols import JobMetadata, JobStatePort
from mrk.klippy.events import Disconnected, GcodeResponse, KlippyEvent, Ready, Shutdown, Started
from mrk.klippy.extruders import extruders
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import read_names
from mrk.simplyprint.job_events import JobEvents, job_event
from mrk.simplyprint.printer_state import JobWish
from mrk.simplyprint.reports import HostLook, Look
from mrk.status.numbers import finite

logger = logging.getLogger(__name__)
OBJECTS = (
    "bed_mesh",
    "exclude_object",
    "gcode_move",
    "heater_bed",
    "print_stats",
    "toolhead",
    "virtual_sdcard",
)
# A macro may print some hundred lines at once.
EVENTS = 2048
NEWS = 64
_ERROR_LENGTH = 1000


class FollowedPrinter:
    """`wish` is what was asked of it; `job_id` tells a job of the cloud's from others."""

    def __init__(
        self,
        klippy: KlippyPort,
        job_state: JobStatePort,
        metadata: JobMetadata,
        *,
        filament_sensor: str | None,
        ambient_sensor: str,
    ) -> None:
        self._klippy = klippy
        self._job_state = job_state
        self._metadata = metadata
        self._filament_sensor = filament_sensor
        self._ambient_sensor = ambient_sensor
        self._objects: list[str] = []
        self._error = ""
        self._job: tuple[str, str] | None = None
        self._news = trio.Event()
        self.events = JobEvents()
        self.wish: JobWish | None = None
        self.on_line: Callable[[str], None] = lambda text: None

    async def follow(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep the objects subscribed, note what happens to jobs, pass console lines on."""
        kinds = (Started, Ready, Shutdown, Disconnected, GcodeResponse)
        with (
            self._job_state.open_events("simplyprint", NEWS, JobChanged) as news,
            self._klippy.open_events("simplyprint", EVENTS, *kinds) as events,
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._follow_jobs, news, name="simplyprint jobs")
                nursery.start_soon(self._follow_klippy, events, name="simplyprint printer")
                task_status.started()

    async def _follow_jobs(self, news: EventReader[JobStateEvent]) -> None:
        async for item in news:
            if isinstance(item, JobChanged):
                now = item.snapshot.stats
                told = job_event(item.event, item.previous, now, self._metadata.get(now.filename))
                if told is not None:
                    job_id = self.job_id(now.filename or item.previous.filename)
                    self.events.put(
                        {**told, **({"job_id": job_id} if job_id else {})}, trio.current_time()
                    )
                if not now.is_active:
                    self._job = None
                self._tell_news()

    async def _follow_klippy(self, events: EventReader[KlippyEvent]) -> None:
        events.handle_first(self._take_line)
        if self._klippy.klippy_state == "ready":
            await self._subscribe()
        async for event in events:
            if self._take_line(event):
                continue
            match event:
                case Disconnected():
                    self._objects, self._error = [], ""
                case Shutdown(message):
                    self._error = message[:_ERROR_LENGTH]
                case Started(state) if state in ("error", "shutdown"):
                    self._error = await self._state_message()
                case Ready():
                    self._error = ""
                    await self._subscribe()
            self._tell_news()

    def _tell_news(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def wait_news(self) -> None:
        """Returns when the printer came or went, or something happened to its job."""
        await self._news.wait()

    def _take_line(self, event: KlippyEvent) -> bool:
        """Console lines may be many; they wake nobody."""
        if isinstance(event, GcodeResponse):
            self.on_line(event.text)
        return isinstance(event, GcodeResponse)

    async def _state_message(self) -> str:
        try:
            answer = await self._klippy.call("info")
        except ClientError as exc:
            return exc.message
        said = answer.get("state_message") if isinstance(answer, dict) else None
        return str(said or "")[:_ERROR_LENGTH]

    async def _subscribe(self) -> None:
        try:
            listed = read_names(await self._klippy.call("objects/list"), "objects")
            named = {*OBJECTS, self._filament_sensor, self._ambient_sensor}
            wanted = [name for name in listed if name in named] + extruders(listed)
            await self._klippy.subscribe(dict.fromkeys(wanted))
        except ClientError as exc:
            logger.warning("simplyprint: the printer's status is not told: %s", exc.message)
            return
        self._objects = wanted
        self._tell_news()

    # What is asked of it

    def look(self, host: HostLook, ambient: float | None) -> Look:
        """The printer now."""
        state = self._klippy.klippy_state
        if state == "ready" and not self._objects:
            state = "startup"  # until the answer to our subscription nothing is known
        path = self.printed_file
        return Look(
            state,
            error=self._error,
            version=str(self._klippy.info.get("software_version", "")),
            objects={name: self._klippy.status(name) for name in self._objects},
            extruders=extruders(self._objects),
            filament_sensor=self._filament_sensor,
            ambient=ambient,
            metadata=self._metadata.get(path) if path else None,
            wish=self.wish,
            job_id=self.job_id(path),
            host=host,
        )

    @property
    def printed_file(self) -> str:
        """Relative to gcodes; empty without one."""
        name = self._klippy.status("print_stats").get("filename")
        return name.removeprefix("/") if isinstance(name, str) else ""

    def begin_job(self, path: str, job_id: str | None) -> None:
        """The cloud has a file printed."""
        self._job = None if job_id is None else (path, job_id)

    def job_id(self, path: str) -> str | None:
        """The cloud's, of a file that is printed for it."""
        return self._job[1] if self._job is not None and self._job[0] == path else None

    def sensed_ambient(self) -> float | None:
        """From the sensor that is configured."""
        return finite(self._fields(self._ambient_sensor).get("temperature"))

    def nozzle(self) -> tuple[float | None, float]:
        """Temperature and target of the first extruder."""
        fields = self._fields("extruder")
        return finite(fields.get("temperature")), finite(fields.get("target")) or 0.0

    def _fields(self, name: str) -> Mapping[str, Any]:
        return self._klippy.status(name) if name in self._objects else {}
