"""Heads of PNG, JPEG and QOI images: is it one, and how large is it. Pure, nothing is decoded."""

import enum
import struct

_PNG = b"\x89PNG\r\n\x1a\n"
# Start-of-frame markers of JPEG; C4, C8 and CC are something else.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}  # markers without a length


class ImageKind(enum.StrEnum):
    """Image formats that slicers put into comments."""

    PNG = "png"
    JPG = "jpg"
    QOI = "qoi"


def image_size(kind: ImageKind, data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels, or None if the bytes are no such image."""
    match kind:
        case ImageKind.PNG:
            if len(data) < 33 or not data.startswith(_PNG) or data[12:16] != b"IHDR":
                return None
            return struct.unpack_from(">II", data, 16)
        case ImageKind.QOI:
            if len(data) < 22 or not data.startswith(b"qoif"):
                return None
            return struct.unpack_from(">II", data, 4)
        case ImageKind.JPG:
            return _jpeg_size(data)


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    return None
