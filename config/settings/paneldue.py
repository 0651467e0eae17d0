"""`[paneldue]`: a touch display on a serial port.

Read by `read_paneldue`; without the section no port is opened.
"""

from pathlib import Path

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.values import BAUD

MOST_MACROS = 200
MACRO_LENGTH = 1000
NAME_LENGTH = 64


class PanelDueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`baud` in bits per second. Macros are g-code whose first word is its label.

    Console lines that contain one of `non_trivial_keys` are shown.
    """

    serial: Path
    baud: int = 57_600
    machine_name: str = "Klipper"
    macros: tuple[str, ...] = ()
    confirmed_macros: tuple[str, ...] = ("RESTART", "FIRMWARE_RESTART")
    enable_checksum: bool = True
    non_trivial_keys: tuple[str, ...] = ("Klipper state",)


def read_paneldue(reader: ConfigReader, paths: Paths) -> PanelDueSettings | None:
    """Read `[paneldue]`; None without it."""
    if not reader.has("paneldue"):
        return None
    section = reader.section("paneldue")
    return PanelDueSettings(
        serial=section.path("serial", Required("/dev/ttyS0")),
        baud=section.integer("baud", 57_600, BAUD),
        machine_name=section.custom("machine_name", "Klipper", _name),
        macros=_macros(section, "macros", ()),
        confirmed_macros=_macros(section, "confirmed_macros", ("RESTART", "FIRMWARE_RESTART")),
        enable_checksum=section.boolean("enable_checksum", True),
        non_trivial_keys=tuple(section.items("non_trivial_keys", ["Klipper state"])),
    )


def _name(text: str) -> str:
    if len(text) > NAME_LENGTH:
        raise ValueError(f"{quoted(text)} has {len(text)} characters (at most {NAME_LENGTH})")
    return text


def _macros(section: Section, option: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Lines by their label, the first word; of two with the same one the last counts."""
    found = section.items(option, list(default))
    if len(found) > MOST_MACROS:
        section.problem(option, f"there are {len(found)} lines (at most {MOST_MACROS})")
    by_label: dict[str, str] = {}
    for line in found:
        if len(line) > MACRO_LENGTH:
            section.problem(option, f"a line has {len(line)} characters (at most {MACRO_LENGTH})")
        label = line.split()[0]
        if label in by_label:
            section.warn(option, f"has two lines that begin with {quoted(label)}; the last counts")
        by_label[label] = line
    return tuple(by_label.values())
