"""Binary g-code (`.bgcode`, version 1): a header and blocks, each compressed by itself. Pure.

Format: doc/specifications.md of prusa3d/libbgcode. Every size is checked before anything is read or
unpacked; checksums are verified.
"""

import enum
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from mrk.definitions.limits import MIB
from mrk.gcode.binary import meatpack
from mrk.gcode.binary.heatshrink import BadStream, decompress
from mrk.gcode.binary.magic import MAGIC
from mrk.gcode.source import GcodeSource

BLOCKS_LIMIT = 200_000  # slicers make blocks of 64 KiB
BLOCK_LIMIT_BYTES = 4 * MIB  # unpacked
_HEADER = struct.Struct("<4sIH")
_BLOCK = struct.Struct("<HHI")
_SIZE = struct.Struct("<I")
_CRC_BYTES = {0: 0, 1: 4}
_HEATSHRINK = {2: (11, 4), 3: (12, 4)}
_DEFLATE = 1
_KNOWN = range(6)


class Kind(enum.IntEnum):
    """What a block holds."""

    FILE = 0
    GCODE = 1
    SLICER = 2
    PRINTER = 3
    PRINT = 4
    THUMBNAIL = 5
    UNKNOWN = -1  # of a newer program, whose parameters are supposed to be two bytes


class Block(NamedTuple):
    """Where a block stands; nothing of its data is read yet."""

    kind: Kind
    compression: int
    size_bytes: int  # unpacked
    offset: int
    head_bytes: int
    packed_bytes: int
    crc_bytes: int


def is_binary(source: GcodeSource) -> bool:
    """Whether the file is binary g-code, whatever its name."""
    return source.read_at(0, len(MAGIC)) == MAGIC


def blocks(source: GcodeSource) -> Iterator[Block]:
    """Every block in order; raises `BadStream`."""
    head = source.read_at(0, _HEADER.size)
    if len(head) < _HEADER.size:
        raise BadStream("the binary g-code ends in its header")
    _magic, version, checksum = _HEADER.unpack(head)
    if version != 1 or checksum not in _CRC_BYTES:
        raise BadStream(f"binary g-code of version {version}, checksum {checksum} is not known")
    at = _HEADER.size
    for _ in range(BLOCKS_LIMIT):
        if at >= source.size_bytes:
            return
        block = _block(source, at, _CRC_BYTES[checksum])
        yield block
        at += block.head_bytes + block.packed_bytes + block.crc_bytes
    raise BadStream(f"the binary g-code has more than {BLOCKS_LIMIT} blocks")


def _block(source: GcodeSource, at: int, crc_bytes: int) -> Block:
    raw = source.read_at(at, _BLOCK.size + _SIZE.size)
    if len(raw) < _BLOCK.size + _SIZE.size:
        raise BadStream("the binary g-code ends in a block")
    number, compression, size = _BLOCK.unpack_from(raw)
    kind = Kind(number) if number in _KNOWN else Kind.UNKNOWN
    head, packed = _BLOCK.size, size
    if compression:
        (packed,) = _SIZE.unpack_from(raw, _BLOCK.size)
        head += _SIZE.size
    head += 6 if kind is Kind.THUMBNAIL else 2
    if at + head + packed + crc_bytes > source.size_bytes:
        raise BadStream("the binary g-code ends in a block")
    return Block(kind, compression, size, at, head, packed, crc_bytes)


def read(source: GcodeSource, block: Block) -> tuple[tuple[int, ...], bytes]:
    """The parameters and the unpacked data of a block; raises `BadStream`."""
    if max(block.size_bytes, block.packed_bytes) > BLOCK_LIMIT_BYTES:
        raise BadStream(f"a block of {block.size_bytes} bytes is larger than {BLOCK_LIMIT_BYTES}")
    length = block.head_bytes + block.packed_bytes
    raw = source.read_at(block.offset, length + block.crc_bytes)
    if len(raw) < length + block.crc_bytes:
        raise BadStream("the binary g-code ends in a block")
    if block.crc_bytes and zlib.crc32(raw[:length]) != _SIZE.unpack_from(raw, length)[0]:
        raise BadStream("the checksum of a block is wrong")
    if block.kind is Kind.UNKNOWN:
        return (), b""
    count = 3 if block.kind is Kind.THUMBNAIL else 1
    parameters = struct.unpack_from(f"<{count}H", raw, block.head_bytes - 2 * count)
    data = _unpacked(raw[block.head_bytes : length], block)
    if block.kind is Kind.GCODE:
        data = _decoded(parameters[0], data)
    elif block.kind is not Kind.THUMBNAIL and parameters[0]:
        raise BadStream(f"metadata of the encoding {parameters[0]} is not known")
    return parameters, data


def _decoded(encoding: int, data: bytes) -> bytes:
    if encoding == 0:
        return data
    if encoding in (1, 2):
        return meatpack.unpack(data)
    raise BadStream(f"g-code of the encoding {encoding} is not known")


def _unpacked(packed: bytes, block: Block) -> bytes:
    if block.compression == 0:
        return packed
    if block.compression in _HEATSHRINK:
        return decompress(packed, block.size_bytes, *_HEATSHRINK[block.compression])
    if block.compression != _DEFLATE:
        raise BadStream(f"a block's compression {block.compression} is not known")
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, block.size_bytes + 1)
    except zlib.error as error:
        raise BadStream(f"a compressed block is broken: {error}") from None
    if len(data) != block.size_bytes:
        raise BadStream("a compressed block is not as long as it says")
    return data
