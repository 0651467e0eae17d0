"""How many log-ins may be under way: few from one address, and not too many in all."""

import contextlib
from collections import Counter
from collections.abc import Iterator

from mrk.access.address import counted_as
from mrk.errors import ClientError

MOST = 32
MOST_OF_ONE = 3
_TOO_MANY_REQUESTS = 429


class LoginSlots:
    """Places for attempts, those included that wait for their turn."""

    def __init__(self) -> None:
        self._taken: Counter[str | None] = Counter()

    @contextlib.contextmanager
    def place(self, address: str | None) -> Iterator[None]:
        """Hold one while the block lasts. Raises `ClientError` 429 when there is none.

        `address` None is the unix socket.
        """
        client = None if address is None else counted_as(address)
        if self._taken[client] >= MOST_OF_ONE or self._taken.total() >= MOST:
            raise ClientError(
                "Too many log-ins at once: wait for the earlier ones", _TOO_MANY_REQUESTS
            )
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
