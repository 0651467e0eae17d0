"""The times that slicers write into a file, rewritten with a plan's: line by line, nothing else.

What each slicer writes is known; a file of another one only gets the mark that says who did it.
Pure: lines come in with where they begin in the file.
"""

import math
import re
from collections.abc import Callable, Sequence

from mrk.estimate.plan_clock import seconds_at
from mrk.estimate.segments import Mark

TAIL_BYTES = 65536
_PROCESSED = rb"(?m)^; Processed by (?:klipper_estimator|mrk) (v?[0-9][^\s,]{0,60})"
_SLICERS: tuple[tuple[bytes, str], ...] = (
    (rb"(PrusaSlicer|SuperSlicer|OrcaSlicer) ([^\s]{1,60}) on", "prusa"),
    (rb"Sliced by (ideaMaker) ([^\s,]{1,60}),", "ideamaker"),
    (rb"Generated with (Cura_SteamEngine) ([^\s]{1,60})", "cura"),
    (rb"GENERATOR\.NAME:(Cura_SteamEngine)()", "cura"),
    (rb"(Simplify3D)\(R\) Version ([^\s]{1,60})", "simplify3d"),
)
_Rewrite = Callable[["TimeMarks", re.Match[bytes], int], bytes]


def processed_by(tail: bytes) -> str | None:
    """The version of who wrote times into a file, by its last 64 KiB; the last mark counts."""
    found = re.findall(_PROCESSED, tail)
    return found[-1].decode(errors="replace") if found else None


def duration(seconds: float) -> str:
    """Such as 1d 2h 3m 4s."""
    rest = round(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count}{unit}")
    return " ".join([*parts, f"{rest}s"])


class TimeMarks:
    """Rewrites one file; `head` says who sliced it."""

    def __init__(self, head: bytes, total: float, marks: Sequence[Mark], size_bytes: int) -> None:
        self._total = total
        self._marks = marks
        self._size_bytes = size_bytes
        self.slicer = ""
        self._rules: tuple[tuple[re.Pattern[bytes], _Rewrite], ...] = ()
        for pattern, kind in _SLICERS:
            if found := re.search(pattern, head):
                self.slicer = b" ".join(found.groups()).decode(errors="replace").strip()
                self._rules = tuple((re.compile(line), rewrite) for line, rewrite in _RULES[kind])
                break

    def feed(self, line: bytes, offset: int) -> bytes:
        """A line with its end, as it is to be written."""
        if line[:1] in (b";", b"M"):
            for pattern, rewrite in self._rules:
                if found := pattern.match(line):
                    return rewrite(self, found, offset) + line[found.end() :]
        return line

    def mark(self, version: str) -> bytes:
        """The last line."""
        slicer = f"detected slicer {self.slicer}" if self.slicer else "no slicer detected"
        return f"; Processed by mrk {version}, {slicer}\n".encode()

    def _done(self, offset: int) -> float:
        return seconds_at(self._marks, self._total, self._size_bytes, offset)

    def _long(self, found: re.Match[bytes], _offset: int) -> bytes:
        return found[1] + duration(self._total).encode()

    def _m73(self, _found: re.Match[bytes], offset: int) -> bytes:
        done = self._done(offset)
        percent = 100.0 * done / self._total if self._total else 100.0
        return b"M73 P%.3f R%d" % (percent, math.ceil((self._total - done) / 60.0))

    def _whole(self, found: re.Match[bytes], _offset: int) -> bytes:
        return found[1] + b"%d" % math.ceil(self._total)

    def _elapsed(self, found: re.Match[bytes], offset: int) -> bytes:
        return found[1] + b"%d" % math.ceil(self._done(offset))

    def _remaining(self, found: re.Match[bytes], offset: int) -> bytes:
        return found[1] + b"%d" % math.ceil(self._total - self._done(offset))

    def _build_time(self, found: re.Match[bytes], _offset: int) -> bytes:
        minutes, seconds = divmod(round(self._total), 60)
        hours, minutes = divmod(minutes, 60)
        return found[1] + b"%d hours %d minutes %d sec" % (hours, minutes, seconds)


_LONG = rb"(; estimated printing time \([^)]{1,60}\) = )[0-9dhms \t]*(?=\r?\n|$)"
_RULES: dict[str, tuple[tuple[bytes, _Rewrite], ...]] = {
    "prusa": (
        (_LONG, TimeMarks._long),
        (rb"M73\b[^;\r\n]*[^\s;]", TimeMarks._m73),
    ),
    "ideamaker": (
        (rb"(;Print Time: )[0-9.]+", TimeMarks._whole),
        (rb"(;PRINTING_TIME: )[0-9.]+", TimeMarks._elapsed),
        (rb"(;REMAINING_TIME: )[0-9.]+", TimeMarks._remaining),
    ),
    "cura": (
        (rb"(;(?:PRINT\.)?TIME:)[0-9.]+", TimeMarks._whole),
        (rb"(;TIME_ELAPSED:)[0-9.]+", TimeMarks._elapsed),
    ),
    "simplify3d": (
        (
            rb"(; {1,8}Build Time: )[0-9]+ hours?(?: [0-9]+ minutes?)?(?: [0-9]+ sec)?",
            TimeMarks._build_time,
        ),
    ),
}
