"""Console lines for the display: the newest one that matters, once. Pure."""

from collections.abc import Sequence

# The display shows some three lines of 40.
RESPONSE_LENGTH = 400


class Responses:
    """`keys` are texts that make a line matter; errors and Klipper's state always do."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = ("Klipper state", *keys)
        self._waiting: str | None = None

    def hear(self, text: str) -> None:
        """A line of the console."""
        if text.startswith("!!") or any(key in text for key in self._keys):
            self.put(text)

    def put(self, text: str) -> None:
        """Have a text shown next, in place of one that waits."""
        self._waiting = text[:RESPONSE_LENGTH]

    def take(self) -> str | None:
        """The one that waits, once."""
        text, self._waiting = self._waiting, None
        return text
