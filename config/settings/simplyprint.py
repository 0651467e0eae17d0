"""`[simplyprint]`: a cloud that watches and steers the printer.

Read by `read_simplyprint`; without the section nothing is sent.
"""

from urllib.parse import urlsplit

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.secret import Secret
from config.section import Section
from mrk.definitions.roles import ROLE_WORDS

_SENSORS = ("filament_switch_sensor ", "filament_motion_sensor ")


class SimplyPrintSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Names of a webcam, a power device and of printer objects; None and empty: found by itself.

    `url` stands in place of the service's address. `role` bounds what the cloud may do.
    """

    webcam_name: str = ""
    power_device: str | None = None
    filament_sensor: str | None = None
    ambient_sensor: str = ""
    url: Secret | None = None
    role: str = "operate"


def read_simplyprint(reader: ConfigReader, paths: Paths) -> SimplyPrintSettings | None:
    """Read `[simplyprint]`; None without it."""
    if not reader.has("simplyprint"):
        return None
    section = reader.section("simplyprint")
    if section.boolean("use_test_endpoint", False):
        section.warn("use_test_endpoint", "has no effect: write the address as url")
    return SimplyPrintSettings(
        webcam_name=section.text("webcam_name", ""),
        power_device=_power_device(section),
        filament_sensor=section.custom("filament_sensor", None, _filament_sensor),
        ambient_sensor=section.text("ambient_sensor", ""),
        url=_url(section),
        role=section.choice("simplyprint_role", ROLE_WORDS, "operate"),
    )


def _power_device(section: Section) -> str | None:
    name = section.text("power_device", None)
    return None if name is None else name.removeprefix("power ").strip() or None


def _filament_sensor(text: str) -> str:
    if not text.startswith(_SENSORS):
        expected = "expected filament_switch_sensor NAME or filament_motion_sensor NAME"
        raise ValueError(f"{quoted(text)} is not a filament sensor ({expected})")
    return text


def _url(section: Section) -> Secret | None:
    """It may hold a token, so no message repeats it."""
    found = section.secret("url", None)
    if found is not None:
        reason = _mistake(found.reveal())
        if reason is not None:
            section.problem("url", f"{reason} (expected wss://cloud.example.com/printer)")
    return found


def _mistake(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "it is not an address"
    if parts.scheme not in ("ws", "wss") or not parts.hostname or port == 0:
        return "it is not the address of a websocket"
    if any(char.isspace() for char in text) or parts.fragment or parts.username is not None:
        return "it has more than an address, a path and a query"
    return None
