"""Frames that are being collected: their numbers, their bytes, and what goes at the budget.

At the budget every second frame goes, and from then on only every second, fourth, ... one is kept:
the video covers all of the print at an even pace. Pure.
"""

import re
from collections.abc import Iterable

import msgspec

_FRAME = re.compile(r"frame([0-9]{6})\.jpg")
LAST_NUMBER = 999_999
JPEG_BEGIN, JPEG_END = b"\xff\xd8", b"\xff\xd9"
# Cameras that pad their pictures add a few zeros.
_TAIL_BYTES = 4096


def frame_name(number: int) -> str:
    """The name of a frame's file."""
    return f"frame{number:06d}.jpg"


def frame_number(name: str) -> int | None:
    """The number in a frame's name; None for other files."""
    found = _FRAME.fullmatch(name)
    return None if found is None else int(found[1])


def is_jpeg(data: bytes) -> bool:
    """Whether it is a whole JPEG picture, from its beginning and its end."""
    return data.startswith(JPEG_BEGIN) and JPEG_END in data[-_TAIL_BYTES:]


class FrameSet(msgspec.Struct):
    """Frames on disk: sizes in bytes by number, in order; of `stride` calls one counts."""

    sizes: dict[int, int] = {}
    stride: int = 1
    calls: int = 0

    @classmethod
    def found(cls, files: Iterable[tuple[str, int]], stride: int = 1) -> "FrameSet":
        """From names and sizes of files in a folder."""
        numbers = sorted(
            (number, size) for name, size in files if (number := frame_number(name)) is not None
        )
        return cls(dict(numbers), stride)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def total_bytes(self) -> int:
        """How much they take."""
        return sum(self.sizes.values())

    @property
    def last(self) -> int:
        """The number of the newest; 0 without any."""
        return next(reversed(self.sizes), 0)

    def is_due(self) -> bool:
        """Whether this call's frame counts; to be asked once a call."""
        self.calls += 1
        return (self.calls - 1) % self.stride == 0 and self.last < LAST_NUMBER

    def add(self, number: int, size: int) -> None:
        """A frame has been stored."""
        self.sizes[number] = size

    def thin_out(self, budget_bytes: int) -> list[int]:
        """Numbers to be deleted, forgotten here already, so that a budget is kept; else none."""
        gone: list[int] = []
        while self.total_bytes > budget_bytes and self.count > 2:
            every_second = list(self.sizes)[1:-1:2]
            for number in every_second:
                del self.sizes[number]
            gone += every_second
            self.stride *= 2
        return gone
