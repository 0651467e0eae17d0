"""Heatshrink: LZSS with a small window, as binary g-code uses it. Decoding only, pure.

The stream is bits, the most significant first: `1` and eight bits of a byte, or `0`, the distance
less one (as many bits as the window has) and the length less one.
"""

from mrk.errors import MrkError


class BadStream(MrkError):
    """The bytes are no such stream, or not as long as they should be."""


def decompress(data: bytes, size_bytes: int, window_bits: int, length_bits: int) -> bytes:
    """What `data` holds, which is `size_bytes` long; raises `BadStream`."""
    out = bytearray()
    bits = held = at = 0  # `held` bits that are read and not used are the low ones of `bits`
    reference_bits = 1 + window_bits + length_bits
    length_mask, window_mask = (1 << length_bits) - 1, (1 << window_bits) - 1
    end = len(data)
    while len(out) < size_bytes:
        if held < reference_bits and at < end:
            more = data[at : at + 8]
            bits = (bits & ((1 << held) - 1)) << (8 * len(more)) | int.from_bytes(more)
            held += 8 * len(more)
            at += 8
        if held < 9:
            raise BadStream("the compressed block ends early")
        if bits >> (held - 1) & 1:
            held -= 9
            out.append(bits >> held & 0xFF)
            continue
        held -= reference_bits
        if held < 0:
            raise BadStream("the compressed block ends early")
        reference = bits >> held
        distance = (reference >> length_bits & window_mask) + 1
        length = (reference & length_mask) + 1
        start = len(out) - distance
        if start < 0:
            raise BadStream("the compressed block refers to before its start")
        if distance >= length:
            out += out[start : start + length]
        else:
            piece = bytes(out[start:])
            out += (piece * (length // distance + 1))[:length]
    if len(out) != size_bytes:
        raise BadStream("the compressed block is longer than it says")
    return bytes(out)
