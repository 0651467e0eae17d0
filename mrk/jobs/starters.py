"""Who asked for a print: noted before the printer is asked, taken when the print begins.

Owned by the root, filled by `nurseries/klippy/printer.py`, read by the history, and kept for the
next generation by `nurseries/jobs/stored_starts.py`. Pure.
"""

from collections.abc import Callable, Iterable

import msgspec

# Starts that were noted and did not happen yet; the oldest is forgotten.
NOTED_LIMIT = 16


# File name and user.
AskedPrint = tuple[str, str | None]


class _Start(msgspec.Struct):
    filename: str
    user: str | None
    is_accepted: bool = False


def _nobody() -> None:
    """Nobody keeps the starts."""


class Starters:
    """Starts that were asked for, in order (`PrintStarts`). One that was refused leaves nothing.

    `on_change` is called when a start was noted or forgotten, and not when a print begins: whoever
    keeps the starts forgets that one together with what is kept of the print.
    """

    def __init__(self) -> None:
        # The number of the start that was noted last; those of earlier generations are below 1.
        self.last_number = 0
        self._starts: dict[int, _Start] = {}
        self.on_change: Callable[[], None] = _nobody

    @property
    def awaited(self) -> list[AskedPrint]:
        """What was asked for and has not begun, in order."""
        return [(start.filename, start.user) for start in self._starts.values()]

    @property
    def is_any_awaited(self) -> bool:
        """`PrintStarts.is_any_awaited`."""
        return bool(self._starts)

    def restore(self, earlier: Iterable[AskedPrint]) -> None:
        """What the generation before still awaited: it was asked for before all that is known."""
        newer = self._starts
        # Whether the printer took them was not kept; one that it refused was forgotten.
        kept = [_Start(filename, user, is_accepted=True) for filename, user in earlier]
        self._starts = {number - len(kept): start for number, start in enumerate(kept, 1)} | newer

    def note_start(self, filename: str, user: str | None) -> int:
        """A print is asked for; the number names this start."""
        number = self.last_number = self.last_number + 1
        self._starts[number] = _Start(filename, user)
        if len(self._starts) > NOTED_LIMIT:
            del self._starts[next(iter(self._starts))]
        self.on_change()
        return number

    def accept_start(self, number: int) -> None:
        """The printer took it. What it took before for the same file has begun unseen, if at all.

        A nameless start has the user of that one: a client may have asked for both.
        """
        start = self._starts.get(number)
        if start is None:
            return  # The print began before the printer answered.
        start.is_accepted = True
        for other, earlier in self._starts.items():
            if other < number and earlier.is_accepted and earlier.filename == start.filename:
                start.user = earlier.user if start.user is None else start.user

    def forget_start(self, number: int) -> None:
        """The printer refused it, or was printing the file already."""
        if self._starts.pop(number, None) is not None:
            self.on_change()

    def is_awaited(self, filename: str, until: int | None = None) -> bool:
        """Whether a start was asked for and no print has begun since; `until`: up to that one."""
        return bool(self._of(filename, until))

    def take(self, filename: str, until: int | None = None) -> str | None:
        """The user of a print that begins; None when nobody known asked for it.

        `until`: what was noted later has nothing to do with it.
        """
        numbers = self._of(filename, until)
        # What was asked for before another file began will not come any more; the printer takes
        # starts in order.
        last = self.last_number if until is None else until
        user = None
        if numbers:
            accepted = [number for number in numbers if self._starts[number].is_accepted]
            last = accepted[-1] if accepted else numbers[0]
            user = self._starts[last].user
        self._starts = {number: start for number, start in self._starts.items() if number > last}
        return user

    def _of(self, filename: str, until: int | None) -> list[int]:
        return [
            number
            for number, start in self._starts.items()
            if start.filename == filename and (until is None or number <= until)
        ]
