"""What is published of the printer: whole changes, or a message for each field. Pure."""

from collections.abc import Iterator

import msgspec

from mrk.mqtt.topics import Topics
from mrk.status.update import StatusUpdate

_encode = msgspec.json.Encoder().encode


class PendingStatus:
    """Changes that wait to be published: the newest value of each field."""

    def __init__(self) -> None:
        self._update: StatusUpdate | None = None

    def __bool__(self) -> bool:
        return self._update is not None

    def add(self, update: StatusUpdate) -> None:
        """Note a change; `update` itself stays as it is."""
        self._update = update if self._update is None else self._update.merged(update)

    def take(self) -> StatusUpdate | None:
        """What has changed since the last time."""
        update, self._update = self._update, None
        return update


def status_messages(
    topics: Topics, update: StatusUpdate, *, split: bool
) -> Iterator[tuple[str, bytes]]:
    """Topic and payload of each message that tells of `update`."""
    if not split:
        yield topics.status, _encode({"eventtime": update.eventtime, "status": update.delta})
        return
    for name, fields in update.delta.items():
        for field, value in fields.items():
            yield (
                topics.field(name, field),
                _encode({"eventtime": update.eventtime, "value": value}),
            )
