"""Cameras as the child process that asked libcamera wrote them down.

Pure: its output in, values out. `nurseries/machine/libcamera_listing.py` is that process.
"""

import msgspec

from mrk import foreign_json
from mrk.foreign_json import NotJson


class LibcameraMode(msgspec.Struct, frozen=True):
    """A pixel format with its resolutions, `640x480`."""

    format: str
    resolutions: list[str]


class LibcameraDevice(msgspec.Struct, frozen=True):
    """As `machine.peripherals.video` lists it."""

    libcamera_id: str
    model: str | None
    modes: list[LibcameraMode]


def parse_listing(output: bytes) -> list[LibcameraDevice]:
    """Cameras of the last line, before which libcamera may have logged; empty when it is none."""
    lines = output.strip().splitlines()
    try:
        return foreign_json.decode(lines[-1] if lines else b"", list[LibcameraDevice])
    except NotJson:
        return []
