"""server.temperature_store and server.gcode_store."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, get
from mrk.data_store.stores import GcodeEntry, GcodeStore, TemperatureStore


class TemperatureParams(msgspec.Struct, frozen=True):
    """Monitors are sensors that may have no value at times."""

    include_monitors: bool = False


class GcodeParams(msgspec.Struct, frozen=True):
    """Newest entries; 0: all, negative: without so many of the oldest."""

    count: int = 0


class GcodeAnswer(msgspec.Struct, frozen=True):
    """The answer of server.gcode_store, oldest first."""

    gcode_store: list[GcodeEntry]


class DataStoreEndpoints:
    """The declarations and handlers."""

    def __init__(self, temperatures: TemperatureStore, gcode: GcodeStore) -> None:
        self._temperatures = temperatures
        self._gcode = gcode

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/server/temperature_store",
                self.temperature_store,
                "Temperatures of the last minutes, one sample a second, oldest first.",
                Access.VIEW,
                TemperatureParams,
            ),
            get(
                "/server/gcode_store",
                self.gcode_store,
                "The newest console lines: commands and the printer's responses.",
                Access.VIEW,
                GcodeParams,
                GcodeAnswer,
            ),
        ]

    def temperature_store(self, params: TemperatureParams, _caller: Caller) -> Mapping[str, Any]:
        """Sensor -> series of what it reports."""
        return self._temperatures.series(include_monitors=params.include_monitors)

    def gcode_store(self, params: GcodeParams, _caller: Caller) -> GcodeAnswer:
        """Commands and responses, oldest first."""
        return GcodeAnswer(self._gcode.newest(params.count))
