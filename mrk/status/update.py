"""A change of printer objects on its way to clients: shared, encoded once, merged where it waits.

What Klipper sent for an object stays JSON text until somebody asks for its fields: an update whose
subscribers want it whole goes out without having been decoded (8 instead of 20 us for nine
objects). Pure. `mrk/status/tracker.py` makes updates, `mrk/clients/outbox.py` queues them.
"""

from collections.abc import Collection, KeysView, Mapping
from typing import Any

import msgspec

from mrk.api.notification import SharedMessage, notification
from mrk.lenient_json import decode_lenient

# Klipper's own status objects are open by nature: printer object -> field -> value.
StatusDelta = dict[str, dict[str, Any]]
# The same, with objects that nobody has looked into yet.
ChangedObjects = Mapping[str, "dict[str, Any] | msgspec.Raw"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class StatusUpdate:
    """Changed fields for all clients of one distinct subscription, encoded on first need.

    `objects` is shared and never changed after construction; raw ones are JSON objects.
    """

    __slots__ = ("_decoded", "_message", "_objects", "eventtime")

    def __init__(self, objects: ChangedObjects, eventtime: float) -> None:
        self.eventtime = eventtime
        self._objects = objects
        self._decoded: StatusDelta = {}
        self._message: SharedMessage | None = None

    @property
    def names(self) -> KeysView[str]:
        """Objects with changes."""
        return self._objects.keys()

    def fields(self, name: str) -> dict[str, Any] | None:
        """The changed fields of an object, None when it has none. Not to be altered."""
        value = self._objects.get(name)
        if not isinstance(value, msgspec.Raw):
            return value
        known = self._decoded.get(name)
        if known is None:
            known = self._decoded[name] = _fields_of(value)
        return known

    @property
    def delta(self) -> StatusDelta:
        """All of it, decoded. Not to be altered."""
        return {name: self.fields(name) or {} for name in self._objects}

    def part(self, wanted: "Mapping[str, Collection[str] | None]") -> "StatusUpdate | None":
        """What a subscription asks for: this very update when that is all, None when nothing is."""
        chosen: dict[str, dict[str, Any] | msgspec.Raw] = {}
        whole = True
        for name, value in self._objects.items():
            if name not in wanted:
                whole = False
                continue
            asked = wanted[name]
            if asked is None:
                chosen[name] = value
                continue
            whole = False
            fields = self.fields(name) or {}
            cut = {field: fields[field] for field in fields if field in asked}
            if cut:
                chosen[name] = cut
        if whole:
            return self if chosen else None
        if not chosen:
            return None
        part = StatusUpdate(chosen, self.eventtime)
        part._decoded = self._decoded  # of objects that both hold raw
        return part

    def message(self) -> SharedMessage:
        """The `notify_status_update` message."""
        if self._message is None:
            self._message = notification("notify_status_update", [self._objects, self.eventtime])
        return self._message

    def merged(self, later: "StatusUpdate") -> "StatusUpdate":
        """Both updates as one; the later value wins field by field."""
        objects = dict(self._objects)
        for name, value in later._objects.items():
            earlier = self.fields(name)
            objects[name] = value if earlier is None else {**earlier, **(later.fields(name) or {})}
        return StatusUpdate(objects, later.eventtime)


def _fields_of(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        return _decode(raw)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        value = decode_lenient(bytes(raw))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
