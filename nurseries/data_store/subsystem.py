"""Temperatures and console lines of the last minutes: sampler and recorder.

Owns the two histories, which outlive restarts of the printer and of `serve`. `serve` samples
once a second and records console lines; it ends when cancelled, or by falling behind.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

import trio

from mrk.api.endpoint import Endpoint
from mrk.data_store.stores import GcodeStore, TemperatureStore
from mrk.errors import ClientError
from mrk.klippy.events import GcodeResponse, KlippyEvent, Ready
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import read_names, read_object
from nurseries.data_store.endpoints import DataStoreEndpoints

logger = logging.getLogger(__name__)

SAMPLE_S = 1.0
# One read of the link (64 KiB) holds at most 1040 console lines; the link gives others their
# turn in between.
CONSOLE_LINES = 2048


class DataStore:
    """Histories for the front ends. `wall_clock` gives Unix time."""

    def __init__(
        self,
        klippy: KlippyPort,
        *,
        temperature_store_size: int = 1200,
        gcode_store_size: int = 1000,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._klippy = klippy
        self._temperatures = TemperatureStore(temperature_store_size)
        self._gcode = GcodeStore(gcode_store_size)
        self._wall_clock = wall_clock

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return DataStoreEndpoints(self._temperatures, self._gcode).endpoints()

    def record_command(self, script: str) -> None:
        """Record a script before it runs (`CommandLog`)."""
        self._gcode.add(script, self._wall_clock(), "command")

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Sample and record."""
        # Ready comes once per restart of the printer; 8 may wait.
        with (
            self._klippy.open_events("console", CONSOLE_LINES, GcodeResponse) as lines,
            self._klippy.open_events("temperature sensors", 8, Ready) as ready,
        ):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._sample, name="temperature sampler")
                nursery.start_soon(self._follow_printer, ready, name="temperature sensors")
                task_status.started()
                # A line that clients were told is in the answer to whoever asks next.
                lines.handle_first(self._take_line)
                async for line in lines:
                    self._take_line(line)

    def _take_line(self, line: KlippyEvent) -> bool:
        assert isinstance(line, GcodeResponse)
        self._gcode.add(line.text, self._wall_clock(), "response")
        return True

    async def _sample(self) -> None:
        due = trio.current_time()
        while True:
            # Absolute instants; those missed (a suspended machine) are not made up for.
            due = max(due + SAMPLE_S, trio.current_time())
            await trio.sleep_until(due)
            self._temperatures.sample(
                {name: self._klippy.status(name) for name in self._temperatures.sensors}
            )

    async def _follow_printer(self, ready: Any) -> None:
        if self._klippy.klippy_state == "ready":
            await self._find_sensors()
        async for _ in ready:
            await self._find_sensors()

    async def _find_sensors(self) -> None:
        try:
            answer = await self._klippy.call("objects/query", {"objects": {"heaters": None}})
            heaters = read_object(answer, "heaters")
            sensors = read_names(heaters, "available_sensors")
            monitors = read_names(heaters, "available_monitors")
            status = await self._klippy.subscribe(dict.fromkeys((*sensors, *monitors)))
        except ClientError as exc:
            logger.info("temperature sensors are not known: %s", exc.message)
            return
        self._temperatures.configure(sensors, monitors, status)
