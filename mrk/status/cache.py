"""The last known fields of every subscribed printer object. Pure; dies with its connection.

`configfile.config` and `configfile.settings` are left out: they are large, never change
while connected, and are asked for directly by who needs them.
"""

from collections.abc import Collection, Mapping
from typing import Any

from mrk.status.update import StatusDelta, StatusUpdate

# Decoded together they cost a third of what they cost one by one; some 100 KB.
_WAITING_UPDATES = 64
_LEFT_OUT = {"configfile": frozenset({"config", "settings"})}


def _kept(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    left_out = _LEFT_OUT.get(name, frozenset())
    return {field: value for field, value in fields.items() if field not in left_out}


def _chosen(fields: dict[str, Any], asked: Collection[str] | None) -> dict[str, Any]:
    if asked is None:
        return fields
    return {field: fields[field] for field in asked if field in fields}


class StatusCache:
    """Object name -> field -> value, as Klipper sent them."""

    def __init__(self) -> None:
        self._known: StatusDelta = {}
        # Changes that nobody has asked about yet.
        self._waiting: list[StatusUpdate] = []
        # Of the newest changes.
        self.eventtime = 0.0

    @property
    def _objects(self) -> StatusDelta:
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            for update in waiting:
                self._merge(update.delta)
        return self._known

    def add(self, update: StatusUpdate) -> None:
        """Take changes, to be decoded and merged when somebody asks, or a number have come."""
        self.eventtime = update.eventtime
        self._waiting.append(update)
        if len(self._waiting) >= _WAITING_UPDATES:
            _settled = self._objects

    def merge(self, delta: StatusDelta) -> None:
        """Take changed fields. `delta` is not kept."""
        _settled = self._objects
        self._merge(delta)

    def _merge(self, delta: StatusDelta) -> None:
        objects = self._known
        for name, fields in delta.items():
            if name in _LEFT_OUT:
                fields = _kept(name, fields)
            known = objects.get(name)
            if known is None:
                objects[name] = dict(fields)
            else:
                known.update(fields)

    def replace(self, name: str, fields: Mapping[str, Any]) -> None:
        """Take all fields of an object: others it had are gone."""
        self._objects[name] = _kept(name, fields)

    def keep(self, asked: Mapping[str, Collection[str] | None]) -> None:
        """Forget what nobody subscribes to any more, and what Klipper does not have.

        Only subscriptions feed the cache: the rest is stale, and grows with each unknown name.
        """
        self._known = {
            name: _chosen(fields, asked[name])
            for name, fields in self._objects.items()
            if fields and name in asked
        }

    def difference(self, status: StatusDelta) -> StatusDelta:
        """The part of `status` that is not known yet, without what the cache leaves out."""
        difference = {}
        for name, fields in status.items():
            known = self._objects.get(name, {})
            changed = {
                field: value
                for field, value in _kept(name, fields).items()
                if field not in known or known[field] != value
            }
            if changed:
                difference[name] = changed
        return difference

    def fields(self, name: str) -> Mapping[str, Any]:
        """What is known of one object; empty when nothing is. Not to be changed or kept."""
        return self._objects.get(name, {})
