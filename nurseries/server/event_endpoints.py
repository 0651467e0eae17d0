"""The endpoint that gives what was missed to clients that ask again and again.

For HTTP and MQTT, where nothing can be pushed, and for programs that want to look back. Owns no
task: it reads the ring of `Clients`.
"""

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, get
from mrk.clients.event_ring import EventRing, Position
from mrk.errors import ClientError

MOST_EVENTS = 1000
# Of one answer; a larger event comes alone.
MOST_BYTES = 512 * 1024


class SinceParams(msgspec.Struct, frozen=True):
    """How far the client has heard; without both it only learns where events begin."""

    epoch: str | None = None
    seq: int | None = None
    limit: int = MOST_EVENTS


class Events(msgspec.Struct, frozen=True):
    """Notifications as they were sent, each with its `seq`; the next question names this `seq`.

    `more` says that others wait already. `continuity` and `advice` as in identify.
    """

    epoch: str
    seq: int
    newest: int
    continuity: str
    advice: str | None
    more: bool
    events: list[msgspec.Raw]


class EventEndpoints:
    """`ring` keeps the events of a generation."""

    def __init__(self, ring: EventRing) -> None:
        self._ring = ring

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/server/events/since",
                self.since,
                "Notifications since a position: an epoch and the number of the last one heard.",
                Access.VIEW,
                SinceParams,
                Events,
            )
        ]

    def since(self, params: SinceParams, _caller: Caller) -> Events:
        """Events behind a position, oldest first.

        Raises `ClientError` 400 for half a position, one that cannot be, and a bad limit.
        """
        if not 1 <= params.limit <= MOST_EVENTS:
            raise ClientError(f"Argument 'limit': {params.limit} is not from 1 to {MOST_EVENTS}")
        if (params.epoch is None) != (params.seq is None):
            raise ClientError("Arguments 'epoch' and 'seq' belong together: give both or none")
        position = None
        if params.epoch is not None and params.seq is not None:
            position = Position(params.epoch, params.seq)
        ring = self._ring
        continuity, heard = ring.after(position)
        events, size_bytes = list[msgspec.Raw](), 0
        while len(events) < params.limit and (event := ring.get(heard + 1)) is not None:
            size_bytes += len(event.payload)
            if events and size_bytes > MOST_BYTES:
                break
            events.append(msgspec.Raw(event.payload))
            heard += 1
        more = heard < ring.newest
        newest, advice = ring.newest, continuity.advice
        return Events(ring.epoch, heard, newest, str(continuity), advice, more, events)
