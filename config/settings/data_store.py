"""`[data_store]`: how much of temperatures and console output is kept in memory.

Read by `read_data_store`; upstream honours the same options in `[server]` when the section
is absent, and so does mrk, with a warning.
"""

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.values import Bounds

# A day of samples, one per second; 0 keeps nothing.
_SAMPLES = Bounds(low=0, high=86_400, clamps=True)
_LINES = Bounds(low=0, high=100_000, clamps=True)


class DataStoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes of the two stores."""

    # Samples kept per sensor field, one per second.
    temperature_store_size: int = 1200
    # Console lines kept.
    gcode_store_size: int = 1000


def read_data_store(reader: ConfigReader, paths: Paths) -> DataStoreSettings:
    """Read `[data_store]`; mistakes and warnings go to `reader`."""
    section = reader.section("data_store", moved_from="server")
    default = DataStoreSettings()
    return DataStoreSettings(
        temperature_store_size=section.integer(
            "temperature_store_size", default.temperature_store_size, _SAMPLES
        ),
        gcode_store_size=section.integer("gcode_store_size", default.gcode_store_size, _LINES),
    )
