"""Where in a g-code file a comment stands: before the commands, behind them, among them, or in the
block of settings.

Names of objects, notes and g-code of the user's own can hold any text, also one that looks like a
line of the slicer. Such text stands among the commands, or follows the line it belongs to; what
the slicer itself declares stands in a zone of its own.
"""

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf

from mrk.gcode.doubles import Line, chosen
from mrk.gcode.positions import last_command
from mrk.gcode.source import COMMAND

VALUE_LIMIT_BYTES = 8192
KEYS_LIMIT = 20_000
LINES_LIMIT = 100_000
_CHUNK_BYTES = 128 * 1024  # so that a file of nothing but comments costs little memory
_PAIR = re.compile(rb"\n;[; \t]{0,16}+([^\n=:,]{1,64}+)[=:,]([^\n]{0,%d}+)" % VALUE_LIMIT_BYTES)
# Lines whose text is the user's: what follows them may be a part of it.
_FREE_TEXT = re.compile(
    rb"\n;[; \t]{0,16}+(?:"
    rb"[\w ]{0,40}?(?:notes?|comments?|gcode|name|post_process|settings_id)[ \t]*[=:,]"
    rb"|(?:stop )?printing object|object\b|model label|(?:NON)?MESH:|PRINTING:)",
    re.IGNORECASE,
)
_CONFIG_MARKS = (
    (b"\n; CONFIG_BLOCK_START", b"\n; CONFIG_BLOCK_END"),
    (b"_config = begin", b"_config = end"),
)
_LOOSE = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz")
_LOOSE_DROPPED = b" _-\t"
LOOSE_LETTERS = 6  # shorter keys are words that anybody may write


@dataclass(frozen=True)
class Zone:
    """A piece that begins with a newline.

    `believed`: the slicer's own, but for what follows free text. Elsewhere the first of equal keys
    counts, or the last one with `latest`.
    """

    piece: bytes
    believed: bool = True
    latest: bool = False

    @cached_property
    def comments(self) -> dict[bytes, bytes]:
        """Value of each comment key, blanks not yet stripped."""
        if self.free_text_at == len(self.piece):
            return self._plain()
        return self._distant([match.start() for match in _FREE_TEXT.finditer(self.piece)])

    @cached_property
    def free_text_at(self) -> int:
        """Where the first text of the user's stands in a piece that is the slicer's own."""
        match = _FREE_TEXT.search(self.piece) if self.believed else None
        return match.start() if match else len(self.piece)

    def _plain(self) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start, stop in _chunks(self.piece):
            pairs = _PAIR.findall(self.piece, start, stop)
            found = found | dict(pairs) if self.latest else dict(reversed(pairs)) | found
            if len(found) > KEYS_LIMIT:
                break
        return {key.rstrip(): value for key, value in found.items()}

    def _distant(self, free: list[int]) -> dict[bytes, bytes]:
        behind = [0] * (len(free) + 1)
        lines: list[Line] = []
        for match in _matches(self.piece):
            index = bisect.bisect_left(free, match.start())
            behind[index] += 1
            distance = behind[index] if index else inf
            lines.append(Line(match[1].rstrip(), match[2], distance))
            if len(lines) >= LINES_LIMIT:
                break
        return chosen(lines)

    @cached_property
    def loose(self) -> dict[bytes, bytes]:
        """The same by keys without blanks, underlines and capitals."""
        found: dict[bytes, bytes] = {}
        for key, value in self.comments.items():
            found.setdefault(loose_key(key), value)
        return found


def loose_key(key: bytes) -> bytes:
    """`Layer Height`, `layer_height` and `layerHeight` are one."""
    return key.translate(_LOOSE, _LOOSE_DROPPED)


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of one file; `config` is the block between the slicer's own marks, if any."""

    leading: Zone
    trailing: Zone
    config: Zone
    body: Zone


def split(header: bytes, footer: bytes | None, *, latest: bool) -> Zones:
    """Split head and tail, which begin with newlines; without `footer` the head is all there is.

    `latest`: among the commands the last of equal comments counts.
    """
    whole = footer is None
    footer = header if footer is None else footer
    first = COMMAND.search(header)
    start = len(header) if first is None else first.start()
    last = last_command(footer)
    if last is None:
        end = len(footer) if whole else 0
    else:
        end = footer.find(b"\n", last)
        end = len(footer) if end < 0 else end
    leading, trailing = header[:start], footer[end:]
    body = header[start:end] if whole else header[start:] + footer[:end]
    config = b""
    leading, config = _without_config(leading)
    if not config:
        trailing, config = _without_config(trailing)
    if not config:  # something was appended behind it
        body, config = _without_config(body)
    return Zones(Zone(leading), Zone(trailing), Zone(config), Zone(body, False, latest))


def _without_config(piece: bytes) -> tuple[bytes, bytes]:
    for begin, end in _CONFIG_MARKS:
        at = piece.rfind(begin)
        if at < 0:
            continue
        start = piece.rfind(b"\n", 0, at + 1)
        stop = piece.find(end, at)
        stop = len(piece) if stop < 0 else piece.rfind(b"\n", 0, stop + 1)
        return piece[:start] + piece[stop:], piece[start:stop]
    return piece, b""


def _matches(piece: bytes) -> Iterator[re.Match[bytes]]:
    for start, stop in _chunks(piece):
        yield from _PAIR.finditer(piece, start, stop)


def _chunks(piece: bytes) -> Iterator[tuple[int, int]]:
    start = 0
    while start < len(piece):
        stop = piece.find(b"\n", start + _CHUNK_BYTES)
        stop = len(piece) if stop < 0 else stop
        yield start, stop
        start = stop
