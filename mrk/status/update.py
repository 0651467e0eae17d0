"""A change of printer objects on its way to clients: shared, encoded once, merged where it waits.

Pure. `mrk/status/tracker.py` makes updates, `mrk/clients/outbox.py` queues them.
"""

from typing import Any

from mrk.api.notification import SharedMessage, notification

# Klipper's own status objects are open by nature: printer object -> field -> value.
StatusDelta = dict[str, dict[str, Any]]


class StatusUpdate:
    """Changed fields for all clients of one distinct subscription, encoded on first need.

    `delta` is shared and never changed after construction.
    """

    __slots__ = ("_message", "delta", "eventtime")

    def __init__(self, delta: StatusDelta, eventtime: float) -> None:
        self.delta = delta
        self.eventtime = eventtime
        self._message: SharedMessage | None = None

    def message(self) -> SharedMessage:
        """The `notify_status_update` message."""
        if self._message is None:
            self._message = notification("notify_status_update", [self.delta, self.eventtime])
        return self._message

    def merged(self, later: "StatusUpdate") -> "StatusUpdate":
        """Both updates as one; the later value wins field by field."""
        delta = dict(self.delta)
        for name, fields in later.delta.items():
            earlier = delta.get(name)
            delta[name] = fields if earlier is None else {**earlier, **fields}
        return StatusUpdate(delta, later.eventtime)
