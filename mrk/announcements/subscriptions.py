"""Which feeds are read: the usual ones, the configured ones, and those added over the API.

Also how patient one is with a feed that cannot be reached. Pure.
"""

import re
from collections.abc import Iterable

from mrk.definitions.feeds import FEED_NAME
from mrk.errors import ClientError

USUAL = ("moonraker", "klipper")
MOST_FEEDS = 50
# Beats left out after each failure in a row; at 30 minutes a beat the last one is 4 hours.
_PAUSES = (1, 3, 7)


def feed_name(written: str) -> str:
    """The name in lower case; raises `ClientError` 400 for one that cannot be."""
    name = written.lower()
    if not re.fullmatch(FEED_NAME, name):
        raise ClientError("Argument 'name': letters, digits, '_', '-' and '.' expected")
    return name


class FeedSubscriptions:
    """Names in the order in which they are listed; `added` are those that a request may remove."""

    def __init__(self, configured: Iterable[str], added: object) -> None:
        self._fixed = list(dict.fromkeys([*USUAL, *configured]))
        kept = added if isinstance(added, list) else []
        names = (name.lower() for name in kept if isinstance(name, str))
        self.added = [
            name
            for name in dict.fromkeys(names)
            if re.fullmatch(FEED_NAME, name) and name not in self._fixed
        ]

    @property
    def feeds(self) -> list[str]:
        """All of them."""
        return [*self._fixed, *self.added]

    def add(self, name: str) -> bool:
        """Subscribe; False when that was so. Raises `ClientError` 400 past the limit."""
        if name in self.feeds:
            return False
        if len(self.feeds) >= MOST_FEEDS:
            raise ClientError(f"{MOST_FEEDS} feeds are subscribed, the limit")
        self.added.append(name)
        return True

    def remove(self, name: str) -> None:
        """Unsubscribe; raises `ClientError` 400 for one that was not added by request."""
        if name in self._fixed:
            raise ClientError(f"Feed '{name}' comes from the configuration, or is always read")
        if name not in self.added:
            raise ClientError(f"Feed '{name}' is not subscribed")
        self.added.remove(name)


class PollBackoff:
    """Beats at which a feed is asked: all of them, and fewer while it cannot be read."""

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def due(self, feed: str) -> bool:
        """To be asked once a beat."""
        left = self._left_out.get(feed, 0)
        self._left_out[feed] = max(0, left - 1)
        return left == 0

    def failed(self, feed: str) -> None:
        """It could not be read."""
        failures = self._failures[feed] = self._failures.get(feed, 0) + 1
        self._left_out[feed] = _PAUSES[min(failures, len(_PAUSES)) - 1]

    def worked(self, feed: str) -> None:
        """It could be read, or is not subscribed any more."""
        self._failures.pop(feed, None)
        self._left_out.pop(feed, None)
