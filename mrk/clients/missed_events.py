"""What one client missed, read from the shared ring as fast as the client takes it.

Belongs to that client's outbox until the client has heard everything; then it is live. Nothing is
copied for a client before it can be sent, so a thousand that come back at once cost no memory.
"""

from mrk.api.notification import Framing
from mrk.clients.event_ring import EventRing

# Other clients are served between two portions.
MOST_AT_ONCE = 500


class MissedEvents:
    """Events behind number `heard`; those that agent `own_name` sent itself are left out."""

    __slots__ = ("_heard", "_own_name", "_ring")

    def __init__(self, ring: EventRing, heard: int, own_name: str = "") -> None:
        self._ring = ring
        self._heard = heard
        self._own_name = own_name

    @property
    def done(self) -> bool:
        """Whether the client has been given everything that has happened."""
        return self._heard >= self._ring.newest

    def take(self, framing: Framing, most_bytes: int) -> bytes | None:
        """The next frames: at least one event, then as many as fit; None when they are forgotten.

        Empty when the rest are events that are not for this client.
        """
        frames: list[bytes] = []
        size_bytes = 0
        while not self.done and len(frames) < MOST_AT_ONCE:
            event = self._ring.get(self._heard + 1)
            if event is None:
                return None
            if not event.sender or event.sender != self._own_name:
                frame = framing(event.payload)
                if frames and size_bytes + len(frame) > most_bytes:
                    break
                frames.append(frame)
                size_bytes += len(frame)
            self._heard += 1
        return b"".join(frames)
