"""Messages that came and were not read yet: the newest ones, within bounds. Pure."""

from collections import deque

# A burst that a broker hands over at once; all are wanted, as some fields add them up.
MOST_MESSAGES = 1000
MOST_BYTES = 1024 * 1024


class Inbox:
    """At most 1000 messages and 1 MiB; at the bound the oldest go."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0

    def put(self, payload: bytes) -> int:
        """Keep a message; returns how many older ones were dropped for it."""
        self._waiting.append(payload)
        self._bytes += len(payload)
        dropped = 0
        while len(self._waiting) > MOST_MESSAGES or self._bytes > MOST_BYTES:
            self.take()
            dropped += 1
        return dropped

    def take(self) -> bytes | None:
        """The oldest message; None when there is none."""
        if not self._waiting:
            return None
        payload = self._waiting.popleft()
        self._bytes -= len(payload)
        return payload

    def clear(self) -> None:
        """Forget all of them."""
        self._waiting.clear()
        self._bytes = 0
