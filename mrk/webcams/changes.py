"""What a client may say of a webcam, and the webcam that results.

Pure: the subsystem looks webcams up and keeps the results.
"""

from typing import Any

import msgspec

from mrk.errors import ClientError
from mrk.webcams.webcam import Webcam, checked


class WhichParams(msgspec.Struct, frozen=True):
    """Names one webcam; with a uid the name is not looked at."""

    uid: str | None = None
    name: str | None = None


class WebcamParams(msgspec.Struct, frozen=True, kw_only=True):
    """A new webcam, or the changes of one; None stands for what was not said."""

    uid: str | None = None
    name: str | None = None
    location: str | None = None
    icon: str | None = None
    enabled: bool | None = None
    service: str | None = None
    target_fps: int | None = None
    target_fps_idle: int | None = None
    stream_url: str | None = None
    snapshot_url: str | None = None
    flip_horizontal: bool | None = None
    flip_vertical: bool | None = None
    rotation: int | None = None
    aspect_ratio: str | None = None
    extra_data: dict[str, Any] | None = None


def _said(params: WebcamParams) -> dict[str, Any]:
    if params.stream_url == "":
        raise ClientError("Argument 'stream_url': a webcam needs one")
    values = msgspec.structs.asdict(params)
    del values["uid"]
    return {name: value for name, value in values.items() if value is not None}


def created(params: WebcamParams, uid: str) -> Webcam:
    """A new webcam with defaults for what was not said; raises `ClientError` 400."""
    if params.name is None or params.stream_url is None:
        missing = "name" if params.name is None else "stream_url"
        raise ClientError(f"Argument '{missing}' is missing")
    return checked(Webcam(**_said(params), uid=uid))


def changed(webcam: Webcam, params: WebcamParams) -> Webcam:
    """The webcam with what was said; raises `ClientError` 400."""
    return checked(msgspec.structs.replace(webcam, **_said(params)))
