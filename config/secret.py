"""Values that must never be shown: in a log, an error, `server.config` or a traceback.

`Secret` holds one of them. `Hidden` knows the texts of all of one configuration and takes
them out of any line: a second wall behind not writing them there at all.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from mrk.definitions import url_logins
from mrk.definitions.url_logins import hide_logins

HIDDEN: Final = url_logins.HIDDEN

# Shorter texts are words of ordinary lines, and no secret worth its name.
SHORTEST_CHARS: Final = 6
_ESCAPED = {ord('"'): '\\"', ord("\\"): "\\\\"}


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


class Hidden:
    """The secret texts of one configuration; grows when a template reads another one.

    Used from the event loop and from the log's callers in any thread: `add` replaces, so
    that no reader sees a half-built state.
    """

    __slots__ = ("_pattern", "_texts")

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._texts: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        for text in texts:
            self.add(text)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._texts)}>"

    def add(self, text: str) -> None:
        """Hide a text from now on; each line of it, since logs break lines.

        Also as it stands in an address, and in a quoted text of JSON or Python.
        """
        lines = [line for part in text.splitlines() if len(line := part.strip()) >= SHORTEST_CHARS]
        found = {form for line in lines for form in _forms(line)}
        if found <= self._texts:
            return
        self._texts |= found
        # The longest first: one secret may be the beginning of another.
        ordered = sorted(self._texts, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def redact(self, text: str) -> str:
        """The text with every known secret replaced, and every login in an address."""
        pattern, text = self._pattern, hide_logins(text)
        return text if pattern is None else pattern.sub(HIDDEN, text)


def _forms(text: str) -> tuple[str, ...]:
    in_an_address = quote(text, safe="", errors="replace")
    return (text, in_an_address, text.translate(_ESCAPED), repr(text)[1:-1])
