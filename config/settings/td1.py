"""`[td1]`: meters of filament on USB, found by themselves.

Read by `read_td1`; without the section nobody looks for them.
"""

import msgspec

from config.paths import Paths
from config.reader import ConfigReader
from config.values import BAUD


class Td1Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`baudrate` in bits per second."""

    baudrate: int = 115_200


def read_td1(reader: ConfigReader, paths: Paths) -> Td1Settings | None:
    """Read `[td1]`; None without it."""
    if not reader.has("td1"):
        return None
    return Td1Settings(baudrate=reader.section("td1").integer("baudrate", 115_200, BAUD))
