"""`[wled <name>]`: light strips with WLED firmware, over HTTP or a serial port.

Read by `read_wled`. A section with a mistake is left out with a warning.
"""

from functools import partial
from pathlib import Path

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.values import BAUD, PORT, Bounds, url_host

_PRESET = Bounds(low=-1, high=250, clamps=True)
_SHARE = Bounds(low=0, high=1, clamps=True)
# Of one segment; WLED on an ESP32 drives some 1,500.
_PIXELS = Bounds(low=1, high=2000)
_TIMEOUT_S = Bounds(low=0.1, high=5, clamps=True)
MOST_STRIPS = 32


class WledHttpSettings(msgspec.Struct, frozen=True):
    """`url` is that of the strip's JSON interface; `timeout_s` is of one try."""

    url: str
    timeout_s: float = 2.0


class WledSerialSettings(msgspec.Struct, frozen=True):
    """8 bits, no parity."""

    path: Path
    baud: int = 115200


class WledSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One strip. `initial_colour`: red, green, blue, white, 0 to 1; unless there is a preset."""

    name: str
    link: WledHttpSettings | WledSerialSettings
    chain_count: int = 1
    initial_preset: int = -1
    initial_colour: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)


def read_wled(reader: ConfigReader, paths: Paths) -> tuple[WledSettings, ...]:
    """Read every `[wled <name>]`; mistakes become warnings."""
    found = reader.entries("wled", partial(_strip, reader))
    for strip in found[MOST_STRIPS:]:
        reader.warn(f"[wled {strip.name}] is not used: there are more than {MOST_STRIPS}")
    return tuple(found[:MOST_STRIPS])


def _strip(reader: ConfigReader, title: str) -> WledSettings:
    section = reader.section(title)
    kind = section.choice("type", ("http", "serial"), "http", ignore_case=True)
    section.ignored("color_order", "It has no effect: WLED knows the order.")
    red, green, blue, white = (
        section.number(f"initial_{colour}", 0.5, _SHARE)
        for colour in ("red", "green", "blue", "white")
    )
    return WledSettings(
        name=title.split(maxsplit=1)[1],
        link=_http(section) if kind == "http" else _serial(section),
        chain_count=section.integer("chain_count", 1, _PIXELS),
        initial_preset=section.integer("initial_preset", -1, _PRESET),
        initial_colour=(red, green, blue, white),
    )


def _http(section: Section) -> WledHttpSettings:
    host = section.custom("address", Required("192.168.1.30"), _host)
    port = section.integer("port", 80, PORT)
    protocol = section.choice("protocol", ("http", "https"), "http")
    timeout_s = section.number("timeout", 2.0, _TIMEOUT_S)
    return WledHttpSettings(f"{protocol}://{host}:{port}/json", timeout_s)


def _host(text: str) -> str:
    host = url_host(text)
    if host is None:
        raise ValueError(f"{quoted(text)} is not a host (expected a name or an address)")
    return host


def _serial(section: Section) -> WledSerialSettings:
    path = section.path("serial", Required("/dev/serial/by-id/usb-1a86_USB_Serial"))
    return WledSerialSettings(path, section.integer("baud", 115200, BAUD))
