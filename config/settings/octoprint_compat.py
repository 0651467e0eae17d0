"""`[octoprint_compat]`: what slicers that only know OctoPrint are told; without it they get 404.

Read by `read_octoprint_compat`.
"""

from typing import Any

import msgspec

from config.paths import Paths
from config.reader import ConfigReader


class OctoPrintCompatSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`enable_ufp` has Cura send its packages; the others are told as the webcam's settings."""

    enable_ufp: bool = True
    flip_h: bool = False
    flip_v: bool = False
    rotate_90: bool = False
    stream_url: str = "/webcam/?action=stream"
    webcam_enabled: bool = True


def read_octoprint_compat(reader: ConfigReader, paths: Paths) -> OctoPrintCompatSettings | None:
    """Read the section; None when it is not written."""
    if not reader.has("octoprint_compat"):
        return None
    section = reader.section("octoprint_compat")
    default = OctoPrintCompatSettings()
    values: dict[str, Any] = {
        option: section.boolean(option, getattr(default, option))
        for option in ("enable_ufp", "flip_h", "flip_v", "rotate_90", "webcam_enabled")
    }
    return OctoPrintCompatSettings(
        **values, stream_url=section.text("stream_url", default.stream_url)
    )
