"""The last known fields of every subscribed printer object. Pure; dies with its connection.

`configfile.config` and `configfile.settings` are left out: they are large, never change
while connected, and are asked for directly by who needs them.
"""

from collections.abc import Mapping
from typing import Any

from mrk.status.update import StatusDelta

_LEFT_OUT = {"configfile": frozenset({"config", "settings"})}


def _kept(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    left_out = _LEFT_OUT.get(name, frozenset())
    return {field: value for field, value in fields.items() if field not in left_out}


class StatusCache:
    """Object name -> field -> value, as Klipper sent them."""

    def __init__(self) -> None:
        self._objects: StatusDelta = {}

    def merge(self, delta: StatusDelta) -> None:
        """Take changed fields. `delta` is not kept."""
        objects = self._objects
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
