"""Settings of time-lapse: names, types, bounds and defaults, whoever sets them.

A setting is its default, unless the database holds another value, unless the file does. Names and
types are moonraker-timelapse's, so that its configuration and the panels of front ends fit. Pure.
"""

import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from mrk.api.arguments import as_bool, as_float, as_int, as_str
from mrk.errors import ClientError

LAYERS, TIMED = "layermacro", "hyperlapse"
PARK_POSITIONS = (
    "center",
    "front_left",
    "front_right",
    "back_left",
    "back_right",
    "custom",
    "x_only",
    "y_only",
)
_LONGEST_TEXT = 1000
_PIXEL_FORMAT = re.compile(r"[a-z0-9_]{1,32}")


class LapseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """All of them; times in seconds, lengths in mm, speeds in mm/s, `rotation` in degrees."""

    enabled: bool = True
    mode: str = LAYERS
    camera: str = ""
    snapshoturl: str = "http://localhost:8080/?action=snapshot"
    stream_delay_compensation: float = 0.05
    gcode_verbose: bool = False
    parkhead: bool = False
    parkpos: str = "back_left"
    park_custom_pos_x: float = 10.0
    park_custom_pos_y: float = 10.0
    park_custom_pos_dz: float = 0.0
    park_travel_speed: int = 100
    park_retract_speed: int = 15
    park_extrude_speed: int = 15
    park_retract_distance: float = 1.0
    park_extrude_distance: float = 1.0
    park_time: float = 0.1
    fw_retract: bool = False
    hyperlapse_cycle: int = 30
    autorender: bool = True
    saveframes: bool = False
    previewimage: bool = True
    constant_rate_factor: int = 23
    output_framerate: int = 30
    pixelformat: str = "yuv420p"
    time_format_code: str = "%Y%m%d_%H%M"
    extraoutputparams: str = ""
    variable_fps: bool = False
    targetlength: int = 10
    variable_fps_min: int = 5
    variable_fps_max: int = 60
    rotation: int = 0
    flip_x: bool = False
    flip_y: bool = False
    duplicatelastframe: int = 5


DEFAULTS: Final = LapseSettings()
NAMES: Final = tuple(field.name for field in msgspec.structs.fields(LapseSettings))
# What a setting may be at most and at least; whatever is a number has a line here.
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "stream_delay_compensation": (0, 10),
    "park_custom_pos_x": (-10_000, 10_000),
    "park_custom_pos_y": (-10_000, 10_000),
    "park_custom_pos_dz": (0, 10_000),
    "park_travel_speed": (1, 10_000),
    "park_retract_speed": (1, 1000),
    "park_extrude_speed": (1, 1000),
    "park_retract_distance": (0, 1000),
    "park_extrude_distance": (0, 1000),
    "park_time": (0, 60),
    "hyperlapse_cycle": (1, 86_400),
    "constant_rate_factor": (0, 63),
    "output_framerate": (1, 240),
    "targetlength": (1, 86_400),
    "variable_fps_min": (1, 240),
    "variable_fps_max": (1, 240),
    "rotation": (0, 359),
    "duplicatelastframe": (0, 1000),
}
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "mode": (LAYERS, TIMED),
    "parkpos": PARK_POSITIONS,
}
# Changing one of these concerns the macros in the printer.
OF_MACROS: Final = frozenset(
    {"enabled", "gcode_verbose", "parkhead", "parkpos", "fw_retract"}
    | {name for name in NAMES if name.startswith("park_")}
)
# ffmpeg's arguments could write any file.
OF_ADMINS: Final = frozenset({"extraoutputparams"})
# Not for clients: the daemon would fetch from wherever they say.
OF_THE_FILE: Final = frozenset({"snapshoturl"})
# A webcam replaces these, unless the file has them.
OF_WEBCAMS: Final = frozenset({"snapshoturl", "rotation", "flip_x", "flip_y"})
_CONVERT: Final[Mapping[type, Callable[[str, object], Any]]] = {
    bool: as_bool,
    int: as_int,
    float: as_float,
    str: as_str,
}


def checked(name: str, value: object) -> Any:
    """A setting's value in its type; raises `ClientError` 400 saying what was expected."""
    found = _CONVERT[type(getattr(DEFAULTS, name))](name, value)
    if isinstance(found, str):
        return _checked_text(name, found)
    if name in BOUNDS:
        low, high = BOUNDS[name]
        if not (math.isfinite(found) and low <= found <= high):
            raise ClientError(f"Argument '{name}': {found} given, {low:g} to {high:g} expected")
    return found


def _checked_text(name: str, value: str) -> str:
    said = f"Argument '{name}': "
    if len(value) > _LONGEST_TEXT or any(ord(char) < 32 for char in value):
        raise ClientError(f"{said}one line of at most {_LONGEST_TEXT} characters expected")
    if name in CHOICES and value not in CHOICES[name]:
        raise ClientError(f"{said}'{value}' given, one of {', '.join(CHOICES[name])} expected")
    if name == "pixelformat" and not _PIXEL_FORMAT.fullmatch(value):
        raise ClientError(f"{said}'{value}' given, a name such as yuv420p expected")
    if name == "extraoutputparams":
        try:
            shlex.split(value)
        except ValueError as exc:
            raise ClientError(f"{said}{exc}, arguments of ffmpeg expected") from None
    return value


def usable(stored: object) -> tuple[dict[str, Any], list[str]]:
    """What of a database record are settings, and what is wrong with the others."""
    found: dict[str, Any] = {}
    wrong: list[str] = []
    for name, value in stored.items() if isinstance(stored, dict) else ():
        if name not in NAMES or name in OF_THE_FILE:
            continue
        try:
            found[name] = checked(name, value)
        except ClientError as exc:
            wrong.append(exc.message)
    return found, wrong


def merged(stored: Mapping[str, Any], written: Mapping[str, Any]) -> LapseSettings:
    """Defaults, then the database's, then the file's."""
    return msgspec.structs.replace(DEFAULTS, **{**stored, **written})


def setup_command(settings: LapseSettings) -> str:
    """What tells the macros how to park."""
    given = {
        "ENABLE": settings.enabled,
        "VERBOSE": settings.gcode_verbose,
        "PARK_ENABLE": settings.parkhead,
        "PARK_POS": settings.parkpos,
        "PARK_TIME": settings.park_time,
        "CUSTOM_POS_X": settings.park_custom_pos_x,
        "CUSTOM_POS_Y": settings.park_custom_pos_y,
        "CUSTOM_POS_DZ": settings.park_custom_pos_dz,
        "TRAVEL_SPEED": settings.park_travel_speed,
        "RETRACT_SPEED": settings.park_retract_speed,
        "EXTRUDE_SPEED": settings.park_extrude_speed,
        "RETRACT_DISTANCE": settings.park_retract_distance,
        "EXTRUDE_DISTANCE": settings.park_extrude_distance,
        "FW_RETRACT": settings.fw_retract,
    }
    return "_SET_TIMELAPSE_SETUP " + " ".join(f"{name}={value}" for name, value in given.items())


def hyperlapse_command(settings: LapseSettings) -> str | None:
    """What begins frames by time; None when they would come faster than they can be taken."""
    if settings.hyperlapse_cycle - settings.park_time < 1:
        return None
    return f"HYPERLAPSE ACTION=START CYCLE={settings.hyperlapse_cycle}"
