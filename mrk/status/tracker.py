"""The status of one connected printer: cache and subscriptions together.

Filled by the link's reader, synchronously, in the order of Klipper's frames. Pure; one per
connection, dropped with it.
"""

from collections.abc import Collection, Mapping
from typing import Any

from mrk.status.cache import StatusCache
from mrk.status.subscriptions import StatusReader, Subscriptions, Wanted
from mrk.status.update import StatusDelta


class StatusTracker:
    """What is known of the printer's objects, and who is told of changes."""

    def __init__(self) -> None:
        self._cache = StatusCache()
        self._subscriptions = Subscriptions()
        # Notes changes, for `push` to hand each reader its part of them.
        self.add = self._cache.add
        self.push = self._subscriptions.push
        self.readers = self._subscriptions.readers

    def share(self, wanted: Wanted) -> None:
        """Have Klipper report these for subsystems too, who follow updates as they come."""
        self._subscriptions.share(wanted)

    @property
    def shared(self) -> Collection[str]:
        """The objects that subsystems follow."""
        return self._subscriptions.shared

    def union(self, more: Wanted) -> dict[str, list[str] | None]:
        """The `objects` argument that asks Klipper for all subscriptions and `more`."""
        return {
            name: None if fields is None else sorted(fields)
            for name, fields in self._subscriptions.union(more).items()
        }

    def subscribed(
        self, asked: Mapping[str, Any], status: StatusDelta, eventtime: float
    ) -> StatusDelta:
        """Take Klipper's reply to the subscription `asked`, and return what is news in it.

        Klipper begins to track changes anew with this reply, so that what is in it will not
        be reported again: the news is for the readers that were there before.
        """
        self._subscriptions.reports(asked)
        news = self._cache.difference(status)
        for name, fields in status.items():
            if asked.get(name, ()) is None:
                self._cache.replace(name, fields)
            else:
                self._cache.merge({name: fields})
        self._cache.keep(asked)
        self._cache.eventtime = eventtime
        return news

    def set(self, reader: StatusReader, wanted: Wanted) -> None:
        """Let a reader hear of changes from now on, unless it is gone already."""
        if reader.open:
            self._subscriptions.set(reader, wanted)

    def remove(self, reader: StatusReader) -> None:
        """Forget a reader; Klipper keeps reporting until the next subscription."""
        self._subscriptions.remove(reader)

    def answer(self, wanted: Wanted, status: StatusDelta) -> dict[str, Any]:
        """The answer to a subscriber: its part of Klipper's reply with what changed since."""
        answer: StatusDelta = {}
        for name, chosen in wanted.items():
            if name not in status:
                continue
            now = self._cache.fields(name)
            part = status[name]
            if chosen is None:
                answer[name] = {**part, **now}
            else:
                answer[name] = {
                    field: now.get(field, part[field]) for field in part if field in chosen
                }
        return {"eventtime": self._cache.eventtime, "status": answer}

    def fields(self, name: str) -> Mapping[str, Any]:
        """The last known fields of an object."""
        return self._cache.fields(name)
