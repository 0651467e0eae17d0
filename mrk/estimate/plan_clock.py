"""The clock of a plan: how many seconds of it are behind a byte of the file.

At most 2,000 marks are kept, evenly spaced in time; between two of them time passes evenly.
"""

from bisect import bisect_right
from collections.abc import Sequence

from mrk.estimate.segments import Mark

MARKS_LIMIT = 2000


class PlanClock:
    """Keeps marks in the order in which they come, thinner as they get more."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []
        self._interval = 0.0

    def add(self, mark: Mark) -> None:
        """Take a later mark, if it is one interval behind the last."""
        if self.marks and mark[1] < self.marks[-1][1] + self._interval:
            return
        self.marks.append(mark)
        if len(self.marks) > MARKS_LIMIT:
            self.marks = self.marks[::2]
            span = self.marks[-1][1] - self.marks[0][1]
            self._interval = span / len(self.marks)


def seconds_at(marks: Sequence[Mark], total: float, size_bytes: int, position: int) -> float:
    """Seconds of the plan that are behind a position in the file."""
    index = bisect_right(marks, position, key=lambda mark: mark[0])
    before = marks[index - 1] if index else (0, 0.0)
    after = marks[index] if index < len(marks) else (size_bytes, total)
    width = after[0] - before[0]
    share = (position - before[0]) / width if width > 0 else 1.0
    return min(before[1] + max(0.0, min(1.0, share)) * (after[1] - before[1]), total)
