"""All announcements: merged from feeds, dismissed by people, woken by time.

Pure: each change returns what the database has to be told. Records have short hexadecimal keys, as
Moonraker's, because entry ids hold slashes.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from mrk.announcements.entry import INTERNAL, REMOTE, Entry, from_item
from mrk.announcements.feed_parser import FeedItem
from mrk.errors import ClientError

# A dismissal that ends so soon after the start is lifted with it.
WAKE_AT_START_S = 10.0
# Of one dismissal: 10 years.
MOST_WAKE_S = 10 * 366 * 86400
# Internal ones; past it the oldest goes.
MOST_INTERNAL = 100


class Changes(msgspec.Struct):
    """Records to store and to delete; false when there are none."""

    put: dict[str, dict[str, Any]] = {}
    delete: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.put) or bool(self.delete)


class Entries:
    """The entries by id. `load` takes what the database holds."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._keys: dict[str, str] = {}
        self._last_key = 0

    def load(self, records: Mapping[str, Any], feeds: Collection[str], now: float) -> Changes:
        """Take stored records; those of feeds that nobody reads any more are dropped.

        Dismissals that ended meanwhile are lifted.
        """
        changes = Changes()
        for key, record in records.items():
            self._last_key = max(self._last_key, _number(key))
            try:
                entry = msgspec.convert(record, Entry)
            except msgspec.ValidationError:
                continue
            stale = entry.source == REMOTE and entry.feed.lower() not in feeds
            if stale or entry.entry_id in self._entries:
                changes.delete.append(key)
                continue
            self._entries[entry.entry_id], self._keys[entry.entry_id] = entry, key
        _ids, woken = self.wake(now + WAKE_AT_START_S)
        changes.put.update(woken.put)
        return changes

    def listed(self, *, include_dismissed: bool = True) -> list[Entry]:
        """Newest first."""
        shown = [e for e in self._entries.values() if include_dismissed or not e.dismissed]
        return sorted(shown, key=lambda entry: (entry.date, entry.entry_id), reverse=True)

    def merge(self, feed: str, items: Iterable[FeedItem], now: float) -> Changes:
        """Make the feed's entries those of `items`; known ones stay as they are.

        An id that belongs to another feed, or to mrk, is left to its owner.
        """
        changes, said = Changes(), set[str]()
        for item in items:
            said.add(item.guid)
            if item.guid not in self._entries:
                self._add(from_item(feed, item, now), changes)
        gone = [entry for entry in self._of(feed) if entry.entry_id not in said]
        self._remove(gone, changes)
        return changes

    def forget(self, feed: str) -> Changes:
        """Remove a feed's entries."""
        changes = Changes()
        self._remove(self._of(feed), changes)
        return changes

    def add_internal(
        self,
        component: str,
        title: str,
        description: str,
        url: str | None,
        priority: str,
        now: float,
    ) -> tuple[Entry, Changes]:
        """An announcement that a component makes; past the limit its oldest one goes."""
        time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        changes = Changes()
        internal = [entry for entry in self.listed() if entry.source == INTERNAL]
        self._remove(internal[MOST_INTERNAL - 1 :], changes)
        entry = Entry(
            entry_id=self._unused(f"{component}/{time}"),
            url=url,
            title=title,
            description=description,
            priority=priority,
            date=now,
            source=INTERNAL,
            feed=component,
        )
        self._add(entry, changes)
        return entry, changes

    def take_back(self, entry_id: str) -> Changes:
        """An announcement of a component is true no more; one that is gone changes nothing."""
        changes = Changes()
        entry = self._entries.get(entry_id)
        if entry is not None and entry.source == INTERNAL:
            self._remove([entry], changes)
        return changes

    def dismiss(self, entry_id: str, wake_s: int | None, now: float) -> Changes:
        """Dismiss for good or for `wake_s` seconds; nothing changes for one dismissed before.

        Raises `ClientError` 400 for an unknown id and for a time that is none.
        """
        entry = self._entries.get(entry_id)
        if entry is None:
            raise ClientError(f"No announcement '{entry_id[:200]}'")
        if wake_s is not None and not 0 <= wake_s <= MOST_WAKE_S:
            raise ClientError(f"Argument 'wake_time': 0 to {MOST_WAKE_S} seconds expected")
        if entry.dismissed:
            return Changes()
        wake = None if wake_s is None else now + wake_s
        return self._replace(entry, dismissed=True, date_dismissed=now, dismiss_wake=wake)

    def next_wake(self) -> float | None:
        """When the next timed dismissal ends."""
        sleeping = (e.dismiss_wake for e in self._entries.values() if e.dismissed)
        return min((wake for wake in sleeping if wake is not None), default=None)

    def wake(self, now: float) -> tuple[list[str], Changes]:
        """Lift the dismissals that have ended; returns their ids."""
        ended = [
            entry
            for entry in self._entries.values()
            if entry.dismissed and entry.dismiss_wake is not None and entry.dismiss_wake <= now
        ]
        changes = Changes()
        for entry in ended:
            lifted = {"dismissed": False, "date_dismissed": None, "dismiss_wake": None}
            changes.put.update(self._replace(entry, **lifted).put)
        return [entry.entry_id for entry in ended], changes

    def _of(self, feed: str) -> list[Entry]:
        # Very old entries carry capitalised names.
        return [
            entry
            for entry in self._entries.values()
            if entry.source == REMOTE and entry.feed.lower() == feed
        ]

    def _add(self, entry: Entry, changes: Changes) -> None:
        self._last_key += 1
        self._keys[entry.entry_id] = f"{self._last_key:06X}"
        changes.put.update(self._replace(entry).put)

    def _replace(self, entry: Entry, **fields: Any) -> Changes:
        entry = msgspec.structs.replace(entry, **fields)
        self._entries[entry.entry_id] = entry
        return Changes(put={self._keys[entry.entry_id]: msgspec.to_builtins(entry)})

    def _remove(self, entries: Iterable[Entry], changes: Changes) -> None:
        for entry in entries:
            del self._entries[entry.entry_id]
            changes.delete.append(self._keys.pop(entry.entry_id))

    def _unused(self, entry_id: str) -> str:
        same = entry_id
        number = 1
        while same in self._entries:
            number += 1
            same = f"{entry_id} ({number})"
        return same


def _number(key: str) -> int:
    try:
        return int(key[:12], 16)
    except ValueError:
        return 0
