"""What one client has still to be sent.

Replies and notifications wait in order; status updates merge, latest value wins, and go out
behind them. Owned by one client's session, filled by anybody, drained by that session's sender.
Nothing here waits: a full outbox says so, and the session closes the client.
"""

from collections.abc import Callable

from mrk.api.notification import Framing, SharedMessage
from mrk.clients.missed_events import MissedEvents
from mrk.status.update import StatusUpdate

# Of missed events, where the taker names no bound.
PORTION_BYTES = 64 * 1024
OVERTAKEN = "missed events were forgotten before they were read"


def _nobody_sends() -> None:
    """The client has gone."""


class Outbox:
    """Bounded output of one client.

    `wake` is called whenever there is something to take after nothing was. Past `limit_bytes`
    the outbox is `full`: what comes then is dropped, because the client is about to be closed.
    The largest message does not count, so one answer of any size passes. A pending status counts
    as nothing: merging bounds it by the size of the subscription.
    """

    __slots__ = (
        "_control",
        "_frames",
        "_largest_bytes",
        "_limit_bytes",
        "_missed",
        "_status",
        "_wake",
        "framing",
        "full",
        "full_reason",
        "on_waiting",
        "waiting_bytes",
    )

    def __init__(self, framing: Framing, limit_bytes: int, wake: Callable[[], None]) -> None:
        self.framing = framing
        self._limit_bytes = limit_bytes
        self._wake = wake
        self._frames: list[bytes] = []  # an empty deque takes 0.6 KB
        # Of replies and notifications that were not taken yet.
        self.waiting_bytes = 0
        self._largest_bytes = 0
        self._status: StatusUpdate | None = None
        self._control: dict[str, bytes] = {}
        self._missed: MissedEvents | None = None
        self.full = False
        # Why, when it is not for the size.
        self.full_reason = ""
        # Called with `waiting_bytes` whenever that grows, as long as somebody counts.
        self.on_waiting: Callable[[int], None] | None = None

    @property
    def has_output(self) -> bool:
        """Whether there is something to take, or to be told."""
        return bool(
            self._frames
            or self._control
            or self._status is not None
            or self._missed is not None
            or self.full
        )

    def reply(self, payload: bytes) -> None:
        """Queue an answer to this client."""
        self.append(self.framing(payload))

    def notify(self, message: SharedMessage) -> None:
        """Queue a notification shared with other clients."""
        self.append(message.framed(self.framing))

    def status(self, update: StatusUpdate) -> None:
        """Merge a status update into the pending one."""
        if self.full:
            return
        if self._status is not None:
            self._status = self._status.merged(update)
            return
        idle = not self.has_output
        self._status = update
        if idle:
            self._wake()

    @property
    def catching_up(self) -> bool:
        """Whether missed events are still to be sent: newer ones are taken from there, too."""
        return self._missed is not None

    def catch_up(self, missed: MissedEvents) -> None:
        """Send missed events behind what waits now, before status, and not all at once."""
        if self.full:
            return
        idle = not self.has_output
        self._missed = missed
        if idle:
            self._wake()

    def stop_catching_up(self) -> None:
        """Send no more of the missed events: the client may not hear them any more."""
        self._missed = None

    def drop_status(self) -> None:
        """Forget pending status: the caller answers with newer values of everything."""
        self._status = None

    def append(self, frames: bytes) -> None:
        """Queue bytes that are framed already: one frame, or several on end."""
        if self.full:
            return
        idle = not self._frames and not self.has_output
        self._add(frames)
        if self.waiting_bytes - self._largest_bytes > self._limit_bytes:
            self._drop_all()
        if idle or self.full:
            self._wake()

    def keep_subscription(self, size_bytes: int) -> None:
        """Be told how much the client's subscription takes, for who counts that."""

    def overflow(self, reason: str) -> None:
        """Be full from now on, whatever the size: this client is about to be closed."""
        if not self.full:
            self.full_reason = reason
            self._drop_all()
            self._wake()

    def close(self) -> None:
        """Keep nothing, nor whoever sends: the client has gone, and nothing more is taken.

        Objects that know each other would wait for a garbage collection, which may come late.
        """
        self._drop_all()
        self._wake, self.on_waiting = _nobody_sends, None

    def _drop_all(self) -> None:
        self.full = True
        self._frames.clear()
        self.waiting_bytes, self._status, self._missed = 0, None, None

    def control(self, kind: str, frame: bytes) -> None:
        """Have a control frame go out before everything else; a later one of its kind replaces it.

        RFC 6455, section 5.5.3: only the latest ping needs its pong.
        """
        idle = not self.has_output
        self._control[kind] = frame
        if idle:
            self._wake()

    def holds(self, kind: str) -> bool:
        """Whether a control frame of that kind was not taken yet."""
        return kind in self._control

    def take(self, most_bytes: int | None = None) -> bytes:
        """Return what is waiting as one chunk; empty when there is nothing.

        With `most_bytes` the chunk ends before the first message that would pass it (but holds at
        least one); pending status then goes on merging until everything else is out.
        """
        frames = self._frames
        status = self._status
        if status is not None and not frames and not self._control and self._missed is None:
            self._status = None
            return status.framed(self.framing)  # alone, as most that is ever sent
        if most_bytes is not None and self.waiting_bytes > most_bytes:
            return self._take_control() + self._take_some(most_bytes)
        if self._missed is not None:
            self._add_missed(self._missed, most_bytes or PORTION_BYTES)
        if self._missed is None:
            self.settle_status()
        chunk = frames[0] if len(frames) == 1 else b"".join(frames)
        frames.clear()
        self.waiting_bytes = self._largest_bytes = 0
        return self._take_control() + chunk if self._control else chunk

    def _add_missed(self, missed: MissedEvents, most_bytes: int) -> None:
        frames = missed.take(self.framing, most_bytes - self.waiting_bytes)
        if frames is None:
            self.overflow(OVERTAKEN)
            return
        if missed.done:
            self._missed = None  # from here on the client is live
        if frames:
            self._add(frames)

    def _take_some(self, most_bytes: int) -> bytes:
        count, size_bytes = 1, len(self._frames[0])
        while count < len(self._frames):
            if size_bytes + len(self._frames[count]) > most_bytes:
                break
            size_bytes += len(self._frames[count])
            count += 1
        taken, self._frames = self._frames[:count], self._frames[count:]
        self.waiting_bytes -= size_bytes
        self._largest_bytes = max(map(len, self._frames), default=0)
        return b"".join(taken)

    def _take_control(self) -> bytes:
        frames = b"".join(self._control.values())
        self._control.clear()
        return frames

    def settle_status(self) -> None:
        """Have the pending status go out before whatever comes next."""
        if self._status is not None:
            frame = self._status.framed(self.framing)
            self._status = None
            self._add(frame)

    def _add(self, frame: bytes) -> None:
        self._frames.append(frame)
        self.waiting_bytes += len(frame)
        if len(frame) > self._largest_bytes:
            self._largest_bytes = len(frame)
        if self.on_waiting is not None:
            self.on_waiting(self.waiting_bytes)
