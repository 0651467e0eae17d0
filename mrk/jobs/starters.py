"""Who asked for a print: noted before the printer is asked, taken when the print begins.

Owned by the root, filled by `nurseries/klippy/printer.py`, read by the history. Pure.
"""

import itertools

import msgspec

# Starts that were noted and did not happen yet; the oldest is forgotten.
NOTED_LIMIT = 16


class _Start(msgspec.Struct):
    filename: str
    user: str | None
    is_accepted: bool = False


class Starters:
    """Starts that were asked for, in order (`PrintStarts`). One that was refused leaves nothing."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._starts: dict[int, _Start] = {}

    def note_start(self, filename: str, user: str | None) -> int:
        """A print is asked for; the number names this start."""
        number = next(self._numbers)
        self._starts[number] = _Start(filename, user)
        if len(self._starts) > NOTED_LIMIT:
            del self._starts[next(iter(self._starts))]
        return number

    def accept_start(self, number: int) -> None:
        """The printer took it. What it took before for the same file has begun unseen, if at all.

        A nameless start leaves the user of that one: a client may have asked for both.
        """
        start = self._starts.get(number)
        if start is None:
            return  # The print began before the printer answered.
        start.is_accepted = True
        for other, earlier in list(self._starts.items()):
            if other < number and earlier.is_accepted and earlier.filename == start.filename:
                start.user = earlier.user if start.user is None else start.user
                del self._starts[other]

    def forget_start(self, number: int) -> None:
        """The printer refused it, or was printing the file already."""
        self._starts.pop(number, None)

    def is_awaited(self, filename: str) -> bool:
        """Whether a start was asked for and no print has begun since."""
        return any(start.filename == filename for start in self._starts.values())

    def take(self, filename: str) -> str | None:
        """The user of a print that begins; None when nobody known asked for it."""
        for number, start in self._starts.items():
            if start.filename == filename:
                self._forget_until(number)
                return start.user
        # What was asked for before another file began will not come any more.
        self._starts.clear()
        return None

    def _forget_until(self, number: int) -> None:
        """The printer takes starts in order."""
        self._starts = {other: start for other, start in self._starts.items() if other > number}
