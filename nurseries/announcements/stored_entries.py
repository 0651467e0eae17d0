"""Entries and subscriptions as far as they are known here, and their place in the database.

Read at the first need, and again after a client's change that could not be stored. Belongs to
`Announcements`; no task.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import trio

from mrk.announcements.entries import Changes, Entries
from mrk.announcements.subscriptions import FeedSubscriptions
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle

logger = logging.getLogger(__name__)
NAMESPACE = "announcements"
# Where Moonraker keeps the feeds added by request.
FEEDS_NAMESPACE, FEEDS_KEY = "moonraker", ("announcements", "stored_feeds")


class AnnouncementItems(Protocol):
    """The part of `ItemsPort` that announcements need."""

    async def get_item(self, namespace: str, key: str | tuple[str, ...]) -> Any: ...

    async def put_item(self, namespace: str, key: str | tuple[str, ...], value: Any) -> None: ...

    async def put_items(self, namespace: str, items: Mapping[str, Any]) -> None: ...

    async def delete_item(self, namespace: str, key: str | tuple[str, ...]) -> Any: ...

    async def items(self, namespace: str) -> dict[str, Any]: ...


class Known:
    """What the database holds, in memory."""

    def __init__(self, entries: Entries, subscriptions: FeedSubscriptions) -> None:
        self.entries = entries
        self.subscriptions = subscriptions


def notify_update(clients: Clients, known: Known) -> None:
    """Send clients all entries after a change."""
    entries = {"entries": known.entries.listed()}
    clients.broadcast_behind_answer("notify_announcement_update", [entries])


class StoredEntries:
    """Loads and keeps `Known`; `on_lost` is called when what was known may be no more."""

    def __init__(
        self,
        items: AnnouncementItems,
        configured: tuple[str, ...],
        on_lost: Callable[[], None],
    ) -> None:
        self._items = items
        self._configured = configured
        self._on_lost = on_lost
        self._known: Known | None = None
        self._throttle = LogThrottle()

    async def load(self, now: float) -> Known:
        """What is known; changed in place by whoever does not wait in between."""
        if self._known is not None:
            return self._known
        stored = await self._items.get_item(FEEDS_NAMESPACE, FEEDS_KEY)
        records = await self._items.items(NAMESPACE)
        if self._known is not None:  # another caller was faster
            return self._known
        known = Known(Entries(), FeedSubscriptions(self._configured, stored))
        changes = known.entries.load(records, known.subscriptions.feeds, now)
        self._known = known
        await self.keep(changes)
        return known

    async def store(self, changes: Changes) -> None:
        """Store what a client asked for; when that fails, it raises and all is read again."""
        try:
            await self._write(changes)
        except BaseException:
            self._lose()
            raise

    async def keep(self, changes: Changes) -> None:
        """Store what nobody waits for; without the database it holds until the next start."""
        try:
            await self._write(changes)
        except ClientError as exc:
            self._throttle.log(
                logger,
                f"announcements are not stored: {exc.message}",
                trio.current_time(),
            )

    async def store_feeds(self, known: Known) -> None:
        """Store the feeds added by request; as `store` when that fails."""
        try:
            await self._items.put_item(FEEDS_NAMESPACE, FEEDS_KEY, known.subscriptions.added)
        except BaseException:
            self._lose()
            raise

    def _lose(self) -> None:
        self._known = None
        self._on_lost()

    async def _write(self, changes: Changes) -> None:
        if changes.put:
            await self._items.put_items(NAMESPACE, changes.put)
        for key in changes.delete:
            await self._items.delete_item(NAMESPACE, key)
