"""What siblings need of webcams: one picture, now."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from mrk.errors import MrkError
from mrk.webcams.webcam import Webcam


class NoSnapshot(MrkError):
    """There is no picture to be had; the text says why."""


class Snapshot(msgspec.Struct, frozen=True):
    """A picture as the webcam sent it; `content_type` begins with `image/`."""

    body: bytes
    content_type: str


def photographed(webcams: Iterable[Webcam], name: str) -> Webcam | None:
    """The webcam whose picture is meant, as `Snapshots.snapshot` has it; None without one."""
    usable = (one for one in webcams if one.enabled and one.snapshot_url)
    return next((one for one in usable if not name or one.name == name), None)


class Snapshots(Protocol):
    """Webcams, for whoever wants a picture; the caller puts a deadline round it."""

    async def snapshot(self, name: str = "") -> Snapshot:
        """Of the webcam of that name, else of the first enabled one that has snapshots.

        Raises `NoSnapshot`.
        """
