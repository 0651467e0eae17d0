"""What siblings need of webcams: one picture, now."""

from typing import Protocol

import msgspec

from mrk.errors import MrkError


class NoSnapshot(MrkError):
    """There is no picture to be had; the text says why."""


class Snapshot(msgspec.Struct, frozen=True):
    """A picture as the webcam sent it; `content_type` begins with `image/`."""

    body: bytes
    content_type: str


class Snapshots(Protocol):
    """Webcams, for whoever wants a picture; the caller puts a deadline round it."""

    async def snapshot(self, name: str = "") -> Snapshot:
        """Of the webcam of that name, else of the first enabled one that has snapshots.

        Raises `NoSnapshot`.
        """
