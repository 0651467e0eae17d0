"""Which camera a frame comes from, and how its picture has to be turned. Pure."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from mrk.timelapse.settings import OF_WEBCAMS, LapseSettings
from mrk.webcams.addresses import completed
from mrk.webcams.webcam import Webcam


class CameraChoice(msgspec.Struct, frozen=True):
    """`snapshot_url` gives a picture, or, where it is empty, `stream_url` a stream of them."""

    name: str
    snapshot_url: str
    stream_url: str = ""


def chosen(webcams: Sequence[Webcam], name: str) -> Webcam | None:
    """The webcam of that name, else the first that is enabled, else the first; None without any."""
    named = [webcam for webcam in webcams if webcam.name == name]
    enabled = [webcam for webcam in webcams if webcam.enabled]
    return next(iter([*named, *enabled, *webcams]), None)


def with_webcam(
    settings: LapseSettings, webcam: Webcam | None, written: Collection[str]
) -> LapseSettings:
    """The settings with what the webcam says, except what is `written` in the file."""
    if webcam is None:
        return settings
    said: dict[str, Any] = {
        "snapshoturl": webcam.snapshot_url,
        "rotation": webcam.rotation,
        "flip_x": webcam.flip_horizontal,
        "flip_y": webcam.flip_vertical,
    }
    assert set(said) == OF_WEBCAMS
    kept = {name: value for name, value in said.items() if name not in written}
    return msgspec.structs.replace(settings, **kept)


def camera_of(
    settings: LapseSettings, webcam: Webcam | None, camera_address: Callable[[str], str] = str
) -> CameraChoice:
    """Where to fetch a frame; `settings` have the webcam's words already. Paths are this host's.

    `camera_address` gives the camera's own address of a path that mrk itself passes on.
    """
    snapshot = completed(camera_address(settings.snapshoturl.strip()), None)
    if webcam is None:
        return CameraChoice("", snapshot)
    stream = completed(camera_address(webcam.stream_url), None)
    return CameraChoice(webcam.name, snapshot, stream)
