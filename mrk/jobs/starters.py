"""Who asked for a print: noted before the printer is asked, taken when the print begins.

Owned by the root, filled by `nurseries/printer.py`, read by the history. Pure.
"""

# Starts that were noted and did not happen yet; the oldest is forgotten.
NOTED_LIMIT = 16


class Starters:
    """File name -> user, for starts that were asked for (`PrintStarts`)."""

    def __init__(self) -> None:
        self._users: dict[str, str | None] = {}

    def note_start(self, filename: str, user: str | None) -> None:
        """A print was asked for. A nameless repetition leaves the first one's user."""
        earlier = self._users.pop(filename, None)
        self._users[filename] = earlier if user is None else user
        if len(self._users) > NOTED_LIMIT:
            del self._users[next(iter(self._users))]

    def forget_start(self, filename: str) -> None:
        """The printer refused it."""
        self._users.pop(filename, None)

    def is_awaited(self, filename: str) -> bool:
        """Whether a start was asked for and no print has begun since."""
        return filename in self._users

    def take(self, filename: str) -> str | None:
        """The user of a print that begins; None when nobody known asked for it."""
        user = self._users.pop(filename, None)
        # What was asked for before another file began will not come any more.
        self._users.clear()
        return user
