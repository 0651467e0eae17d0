"""`[webcam <name>]`: cameras defined in the file; clients see them and cannot change them.

Read by `read_webcams`. A camera with a mistake is left out with a warning; of two sections that
name one camera, the later one counts.
"""

import re
from typing import Any

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required, Section
from config.values import Bounds
from mrk.definitions.webcams import ASPECT_RATIO, MOST_FPS, ROTATIONS

_RATE = Bounds(low=0, high=MOST_FPS)


class WebcamSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One camera; rates in frames per second, `rotation` in clockwise degrees.

    URLs are whole ones, or paths on port 80 of this host.
    """

    name: str
    stream_url: str
    location: str = "printer"
    icon: str = "mdiWebcam"
    enabled: bool = True
    service: str = "mjpegstreamer"
    target_fps: int = 15
    target_fps_idle: int = 5
    snapshot_url: str = ""
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0
    aspect_ratio: str = "4:3"


def read_webcams(reader: ConfigReader, paths: Paths) -> tuple[WebcamSettings, ...]:
    """Read every `[webcam <name>]`; mistakes and warnings go to `reader`."""
    found: dict[str, WebcamSettings] = {}

    def read(title: str) -> WebcamSettings:
        return _webcam(reader.section(title), title.split(maxsplit=1)[1])

    for webcam in reader.entries("webcam", read):
        found.pop(webcam.name, None)
        found[webcam.name] = webcam
    return tuple(found.values())


def _webcam(section: Section, name: str) -> WebcamSettings:
    stream_url = section.text("stream_url", Required("/webcam/?action=stream"))
    default = WebcamSettings(name=name, stream_url=stream_url)
    values: dict[str, Any] = {
        option: section.text(option, getattr(default, option))
        for option in ("location", "icon", "service", "snapshot_url")
    }
    for option in ("target_fps", "target_fps_idle"):
        values[option] = section.integer(option, getattr(default, option), _RATE)
    for option in ("enabled", "flip_horizontal", "flip_vertical"):
        values[option] = section.boolean(option, getattr(default, option))
    values["rotation"] = _rotation(section, default.rotation)
    values["aspect_ratio"] = section.custom("aspect_ratio", default.aspect_ratio, _aspect_ratio)
    return msgspec.structs.replace(default, **values)


def _rotation(section: Section, default: int) -> int:
    rotation = section.integer("rotation", default)
    if rotation not in ROTATIONS:
        section.problem("rotation", f"{rotation} is not known (expected 0, 90, 180 or 270)")
    return rotation


def _aspect_ratio(text: str) -> str:
    if not re.fullmatch(ASPECT_RATIO, text):
        raise ValueError(f"{quoted(text)} is not two numbers such as 16:9")
    return text
