"""QOI images to PNG, without an image library (https://qoiformat.org/qoi-specification.pdf).

Browsers know no QOI. A decoder over bytes, op by op; runs, which make up most of a thumbnail, cost
one step each.
"""

import struct
import zlib

from mrk.gcode.images import ImageKind, image_size

PIXELS_LIMIT = 4096 * 4096
_HEAD_BYTES = 14
_END_BYTES = 8


class BadImage(ValueError):
    """The image cannot be decoded."""


def qoi_to_png(data: bytes) -> bytes:
    """The same picture as PNG, RGBA; raises `BadImage`."""
    size = image_size(ImageKind.QOI, data)
    if size is None or not 0 < size[0] * size[1] <= PIXELS_LIMIT:
        raise BadImage("no QOI image")
    return _png(size[0], size[1], _pixels(data, size[0] * size[1]))


def _pixels(data: bytes, count: int) -> bytes:
    seen = [b"\0\0\0\0"] * 64
    red, green, blue, alpha = 0, 0, 0, 255
    pixel = b"\0\0\0\xff"
    out: list[bytes] = []
    left, at, end = count, _HEAD_BYTES, len(data) - _END_BYTES
    while left > 0 and at < end:
        op = data[at]
        at += 1
        if op >= 0xFE:  # RGB, RGBA
            width = 3 if op == 0xFE else 4
            red, green, blue = data[at : at + 3]
            if width == 4:
                alpha = data[at + 3]
            at += width
        elif op >= 0xC0:  # run
            run = min(op - 0xBF, left)
            out.append(pixel * run)
            left -= run
            continue
        elif op >= 0x80:  # difference in luma
            more = data[at]
            at += 1
            step = op - 0x80 - 32
            red = (red + step - 8 + (more >> 4)) & 255
            green = (green + step) & 255
            blue = (blue + step - 8 + (more & 15)) & 255
        elif op >= 0x40:  # small difference
            red = (red + (op >> 4 & 3) - 2) & 255
            green = (green + (op >> 2 & 3) - 2) & 255
            blue = (blue + (op & 3) - 2) & 255
        else:  # a colour seen before
            pixel = seen[op]
            red, green, blue, alpha = pixel
            out.append(pixel)
            left -= 1
            continue
        pixel = bytes((red, green, blue, alpha))
        seen[(red * 3 + green * 5 + blue * 7 + alpha * 11) & 63] = pixel
        out.append(pixel)
        left -= 1
    if left:
        raise BadImage("the image ends early")
    return b"".join(out)


def _png(width: int, height: int, pixels: bytes) -> bytes:
    stride = width * 4
    rows = b"".join(b"\0" + pixels[at : at + stride] for at in range(0, len(pixels), stride))
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
