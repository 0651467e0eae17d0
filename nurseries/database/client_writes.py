"""Who keeps in memory what clients may store by `server.database`: it is read again after a write.

Front ends bring webcams and time-lapse settings back from a backup by their namespaces, not by the
methods of those subsystems.
"""

import logging
from collections.abc import Awaitable, Callable

from mrk.errors import ClientError

logger = logging.getLogger(__name__)


class ClientWrites:
    """The readers of namespaces, in the order in which they came."""

    def __init__(self) -> None:
        self._readers: dict[str, list[Callable[[], Awaitable[None]]]] = {}

    def on_client_write(self, namespace: str, read_again: Callable[[], Awaitable[None]]) -> None:
        """`ClientWritesPort.on_client_write`."""
        self._readers.setdefault(namespace, []).append(read_again)

    async def tell(self, namespace: str) -> None:
        """Have it read again; a reader that cannot is logged."""
        for read_again in self._readers.get(namespace, ()):
            try:
                await read_again()
            except ClientError as exc:
                logger.warning("namespace %s is not read again: %s", namespace, exc.message)
