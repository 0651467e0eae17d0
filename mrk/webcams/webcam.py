"""One webcam as clients see it, and as it stands in the database.

Records are those Moonraker writes to the namespace `webcams`: keyed by uid, with names of its
front ends. Pure.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.api.arguments import as_bool, as_int, as_mapping, as_str
from mrk.definitions.webcams import ASPECT_RATIO, MOST_FPS, ROTATIONS
from mrk.errors import ClientError

CONFIGURED, STORED = "config", "database"


class Webcam(msgspec.Struct, frozen=True, kw_only=True):
    """A webcam; rates in frames per second, `rotation` in clockwise degrees.

    URLs are whole ones, or paths on the host; `snapshot_url` may be empty, and `stream_url` of a
    stored one.
    """

    name: str
    location: str = "printer"
    service: str = "mjpegstreamer"
    enabled: bool = True
    icon: str = "mdiWebcam"
    target_fps: int = 15
    target_fps_idle: int = 5
    stream_url: str
    snapshot_url: str = ""
    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0
    aspect_ratio: str = "4:3"
    extra_data: Mapping[str, Any] = msgspec.field(default_factory=dict)
    source: str = STORED
    uid: str = ""


# Field -> its name in a record; the others have their own.
_RECORD_NAMES = {
    "target_fps": "targetFps",
    "target_fps_idle": "targetFpsIdle",
    "stream_url": "urlStream",
    "snapshot_url": "urlSnapshot",
    "flip_horizontal": "flipX",
    "flip_vertical": "flipY",
    "aspect_ratio": "aspectRatio",
}
_CONVERT = {str: as_str, int: as_int, bool: as_bool, Mapping[str, Any]: as_mapping}
_FIELDS = tuple(
    (field.name, _RECORD_NAMES.get(field.name, field.name), _CONVERT[field.type])
    for field in msgspec.structs.fields(Webcam)
    if field.name not in ("source", "uid")
)


def configured_uid(instance_id: str, name: str) -> str:
    """The lasting uid of a configured webcam, the same that Moonraker gives it.

    `instance_id` is that of the installation: 32 hexadecimal digits.
    """
    return str(uuid.uuid5(uuid.UUID(instance_id), f"moonraker.webcam.{name}"))


def checked(webcam: Webcam) -> Webcam:
    """The same webcam; raises `ClientError` 400 for values that no front end can show."""
    for name, _, _ in _FIELDS:
        _check(name, getattr(webcam, name))
    return webcam


def _check(name: str, value: Any) -> None:
    match name:
        case "name" if not value:
            raise ClientError("Argument 'name': a webcam needs a name")
        case "target_fps" | "target_fps_idle" if not 0 <= value <= MOST_FPS:
            raise ClientError(f"{value} frames per second: 0 to {MOST_FPS} expected")
        case "rotation" if value not in ROTATIONS:
            raise ClientError(f"Argument 'rotation': {value} is not 0, 90, 180 or 270")
        case "aspect_ratio" if not re.fullmatch(ASPECT_RATIO, value):
            raise ClientError("Argument 'aspect_ratio': two numbers such as 16:9 expected")


def to_record(webcam: Webcam) -> dict[str, Any]:
    """What the database keeps under the webcam's uid."""
    return {kept: getattr(webcam, name) for name, kept, _ in _FIELDS}


def from_record(uid: str, record: object) -> tuple[Webcam, list[str]]:
    """A stored webcam, with defaults for what is absent or wrong, and what is wrong.

    Moonraker checks some values of new webcams only. Raises `ClientError` for a record that is
    none; other writers of the namespace are not trusted.
    """
    record = as_mapping(uid, record)
    if "rotate" in record:
        record = {"rotation": record["rotate"], **record}
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for name, kept, convert in _FIELDS:
        if record.get(kept) is None:
            continue
        try:
            value = convert(kept, record[kept])
            _check(name, value)
        except ClientError as exc:
            wrong.append(exc.message)
        else:
            values[name] = value
    if "name" not in values or "stream_url" not in values:
        raise ClientError(f"webcam {uid} has no name or no urlStream")
    return Webcam(**values, uid=uid), wrong
