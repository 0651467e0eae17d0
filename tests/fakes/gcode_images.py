"""Images as slicers make them, and the comment blocks they put them into."""

import base64
import struct
import zlib


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        check = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", check)

    rows = b"".join(b"\0" + b"\x40" * width for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">BBHBHH", 0xFF, 0xC0, 11, 8, height, width) + b"\1\1\x11\0"
    return b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(10) + b"\xff" + frame + b"\xff\xd9"


def qoi(width: int, height: int, ops: bytes) -> bytes:
    return b"qoif" + struct.pack(">II", width, height) + b"\4\0" + ops + bytes(7) + b"\1"


def block(data: bytes, size: str, word="thumbnail", end=None, length=None, line_end=b"\n") -> bytes:
    text = base64.b64encode(data)
    lines = [text[at : at + 78] for at in range(0, len(text), 78)]
    return line_end.join(
        [
            b";",
            f"; {word} begin {size} {len(text) if length is None else length}".encode(),
            *(b"; " + line for line in lines),
            f"; {end or word} end".encode(),
            b";",
            b"",
        ]
    )
