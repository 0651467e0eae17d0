"""Binary g-code as PrusaSlicer writes it, packed by simple means."""

import struct
import zlib
from collections.abc import Mapping

CODES = {char: code for code, char in enumerate(b"0123456789.E\nGX")}


def heatshrink(data: bytes, window_bits: int, length_bits: int = 4) -> bytes:
    """Greedy: the longest of what stands before, where that is shorter than letters."""
    bits: list[str] = []
    at = 0
    while at < len(data):
        start = max(0, at - (1 << window_bits))
        length = min(1 << length_bits, len(data) - at)
        found = -1
        while length > 1 and (found := data.rfind(data[at : at + length], start, at)) < 0:
            length -= 1
        if length > 1 and found >= 0:
            bits.append(f"0{at - found - 1:0{window_bits}b}{length - 1:0{length_bits}b}")
            at += length
        else:
            bits.append(f"1{data[at]:08b}")
            at += 1
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return int(text or "0", 2).to_bytes(len(text) // 8) if text else b""


def meatpack(text: bytes) -> bytes:
    """Comments plain, G lines without blanks."""
    out = b"\xff\xff\xfb\xff\xff\xf7"
    for line in text.splitlines(keepends=True):
        if line.startswith(b";"):
            out += b"\xff\xff\xfa" + line + b"\xff\xff\xfb"
            continue
        if line[:1] == b"G" and line[1:2].isdigit():
            line = line.replace(b" ", b"")
        if len(line) % 2:
            line += b"\n"
        for first, second in zip(line[::2], line[1::2], strict=True):
            codes = [CODES.get(char, 15) for char in (first, second)]
            out += bytes([codes[0] | codes[1] << 4])
            pair = zip((first, second), codes, strict=True)
            out += bytes(char for char, code in pair if code == 15)
    return out


def block(
    kind: int, data: bytes, *parameters: int, compression: int = 0, checksum: bool = True
) -> bytes:
    packed = data
    if compression == 1:
        packed = zlib.compress(data)
    elif compression:
        packed = heatshrink(data, {2: 11, 3: 12}[compression])
    head = struct.pack("<HHI", kind, compression, len(data))
    if compression:
        head += struct.pack("<I", len(packed))
    whole = head + struct.pack(f"<{len(parameters)}H", *parameters) + packed
    return whole + (struct.pack("<I", zlib.crc32(whole)) if checksum else b"")


def table(pairs: Mapping[str, str]) -> bytes:
    return "".join(f"{key}={value}\n" for key, value in pairs.items()).encode()


def header(version: int = 1, checksum: int = 1) -> bytes:
    return b"GCDE" + struct.pack("<IH", version, checksum)


def binary_gcode(
    gcode: list[bytes],
    settings: Mapping[str, str],
    summary: Mapping[str, str],
    images: list[tuple[int, int, int, bytes]] = [],  # noqa: B006 (never changed)
    producer: str = "PrusaSlicer 2.9.0",
    compression: int = 3,
    encoding: int = 2,
) -> bytes:
    """`images`: format, width, height, bytes."""
    file = table({"Producer": producer, "Produced on": "2026-01-01 at 10:00:00 UTC"})
    pieces = [
        header(),
        block(0, file, 0),
        block(3, table({"printer_model": "MK4"}), 0),
        *(block(5, data, *parameters) for *parameters, data in images),
        block(4, table(summary), 0, compression=1),
        block(2, table(settings), 0, compression=1),
    ]
    for text in gcode:
        packed = meatpack(text) if encoding else text
        pieces.append(block(1, packed, encoding, compression=compression))
    return b"".join(pieces)
