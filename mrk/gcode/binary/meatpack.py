"""MeatPack: the fifteen commonest characters of g-code in four bits each. Decoding only, pure.

A byte holds two characters, the first one in its low half; fifteen means that the character follows
as a byte of its own. Two bytes FF and a third one are a command. Without blanks (`247`) code 11 is
the letter E, and the packer has left out the blanks of G lines, which are put back here.
"""

import re

from mrk.gcode.binary.heatshrink import BadStream

_SIGNAL = b"\xff\xff"
_PACKED, _PLAIN, _RESET, _NO_BLANKS, _BLANKS = 251, 250, 249, 247, 246
_FULL = 15
_G_LINE = re.compile(rb"^G\d[^\s;]*", re.MULTILINE)
_WORD = re.compile(rb"(?<=[0-9.])(?=[A-Z])")
_EMPTY_LINES = re.compile(rb"\n{2,}")


def _pairs(code_11: bytes) -> list[bytes | None]:
    """The characters of each byte that holds two of them; None where one follows."""
    letters = b"0123456789." + code_11 + b"\nGX"
    return [
        None if _FULL in (byte & 15, byte >> 4) else bytes((letters[byte & 15], letters[byte >> 4]))
        for byte in range(256)
    ]


_WITH_BLANKS, _WITHOUT_BLANKS = _pairs(b" "), _pairs(b"E")


def unpack(data: bytes) -> bytes:
    """The lines of one block, empty ones left out; raises `BadStream`."""
    first, *rest = data.split(_SIGNAL)
    out = [first]
    packed, blanks = False, True
    for piece in rest:
        command = piece[:1] or b"\0"
        packed, blanks = _after(command[0], packed, blanks)
        if not packed:
            out.append(piece[1:])
            continue
        text = _unpacked(piece[1:], blanks)
        out.append(text if blanks else _G_LINE.sub(_with_blanks, text))
    return _EMPTY_LINES.sub(b"\n", b"".join(out))


def _after(command: int, packed: bool, blanks: bool) -> tuple[bool, bool]:
    if command in (_PACKED, _PLAIN, _RESET):
        return command == _PACKED, blanks or command == _RESET
    if command in (_NO_BLANKS, _BLANKS):
        return packed, command == _BLANKS
    raise BadStream(f"the packed block holds the unknown command {command}")


def _unpacked(piece: bytes, blanks: bool) -> bytes:
    pairs = _WITH_BLANKS if blanks else _WITHOUT_BLANKS
    letters = b"0123456789." + (b" " if blanks else b"E") + b"\nGX"
    out: list[bytes] = []
    at, end = 0, len(piece)
    try:
        while at < end:
            byte = piece[at]
            at += 1
            pair = pairs[byte]
            if pair is not None:
                out.append(pair)
                continue
            for code in (byte & 15, byte >> 4):
                if code == _FULL:
                    out.append(piece[at : at + 1] or bytes([piece[at]]))
                    at += 1
                else:
                    out.append(letters[code : code + 1])
    except IndexError:
        raise BadStream("the packed block ends early") from None
    return b"".join(out)


def _with_blanks(line: re.Match[bytes]) -> bytes:
    return _WORD.sub(b" ", line[0])
