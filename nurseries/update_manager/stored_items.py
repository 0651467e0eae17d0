"""What is remembered of each item, in the namespace `update_manager`, readable by clients."""

import logging
from typing import Any

import msgspec

from mrk.database.database_protocols import ItemsPort
from mrk.errors import ClientError, Transient
from mrk.short_digests import sha256
from mrk.updates.item import UpdateItem

logger = logging.getLogger(__name__)
NAMESPACE = "update_manager"


class RecordsAway(Transient):
    """The database does not say what was found before."""


class Remembered(msgspec.Struct):
    """When an item was last looked at (Unix time), and with which configuration."""

    last_refresh_time: float = 0.0
    last_config_hash: str = ""


class StoredItems:
    """Reads and writes the records."""

    def __init__(self, items: ItemsPort) -> None:
        self._items = items
        self._known: dict[str, Remembered] = {}
        self._records: dict[str, dict[str, Any]] = {}
        self._added: dict[str, dict[str, Any]] = {}

    async def load(self, names: set[str]) -> None:
        """Read the records; those of items that are no longer configured are removed, as far as
        the disk takes it. Raises `RecordsAway`."""
        try:
            found = await self._items.items(NAMESPACE)
        except ClientError as exc:
            raise RecordsAway(f"what is known of updates cannot be read: {exc.message}") from exc
        await self._remove(found.keys() - names)
        kept = {name: found[name] for name in found.keys() & names}
        self._records = {name: it for name, it in kept.items() if isinstance(it, dict)}

    async def _remove(self, names: set[str]) -> None:
        try:
            for name in names:
                await self._items.delete_item(NAMESPACE, name)
        except ClientError as exc:
            logger.warning("items that are gone stay in the database: %s", exc.message)

    def record(self, name: str) -> dict[str, Any]:
        """What was read; empty for a new item."""
        return self._records.get(name, {})

    def restore(self, item: UpdateItem) -> None:
        """Give an item back what it knew."""
        record = self.record(item.name)
        time, known = record.get("last_refresh_time"), record.get("last_config_hash")
        self._known[item.name] = Remembered(
            float(time) if isinstance(time, int | float) else 0.0,
            known if isinstance(known, str) else "",
        )
        if record:
            item.restore(record)

    def remembered(self, name: str) -> Remembered:
        """Of an item."""
        return self._known.get(name, Remembered())

    def add(self, name: str, facts: dict[str, Any]) -> None:
        """Have more remembered of an item than it says itself."""
        self._added[name] = facts

    def forget(self, name: str) -> None:
        """The item is another one now."""
        self._records.pop(name, None)
        self._known.pop(name, None)

    @property
    def newest_refresh(self) -> float:
        """Of any item (Unix time)."""
        return max((known.last_refresh_time for known in self._known.values()), default=0.0)

    async def store(self, item: UpdateItem, remembered: Remembered | None = None) -> None:
        """Write an item's record; `remembered` after a refresh."""
        if remembered is not None:
            self._known[item.name] = remembered
        known: dict[str, Any] = msgspec.to_builtins(self.remembered(item.name))
        known |= self._added.get(item.name, {})
        try:
            await self._items.put_item(NAMESPACE, item.name, {**item.stored(), **known})
        except ClientError as exc:
            # Of a full disk: what is in memory counts until the next start.
            logger.warning("what is known of %s cannot be stored: %s", item.name, exc)


def config_hash(settings: msgspec.Struct) -> str:
    """Changes with the section's settings."""
    encoded = msgspec.json.encode(settings, order="sorted", enc_hook=str)
    return sha256(encoded).hexdigest()[:32]
