"""A value that must never be shown: in a log, an error, `server.config` or a traceback."""

from typing import Final

HIDDEN: Final = "<hidden>"


class Secret:
    """Holds a text; only `reveal` gives it out, to whoever sends it where it belongs."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself. Never put it into a message."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__
