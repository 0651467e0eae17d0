"""The sending half of one client's connection: an outbox that drains itself into a stream.

Nearly all goes out without waiting. `run` is a task of the connection's nursery for the rest, begun
when there is something and over when all is sent: a task that waits for work is 2 KB a client. Once
the connection is cancelled it sends what still waits, within `limits.goodbye_s`.
"""

import math
import os
from collections.abc import Callable

import trio

from mrk.api.notification import Framing
from mrk.clients.outbox import Outbox
from mrk.clients.send_batch import SendBatch
from mrk.clients.waiting_total import WaitingTotal
from mrk.definitions.limits import Limits
from mrk.status.update import StatusUpdate
from mrk.websocket.events import NO_CLOSE_FRAME, Ending
from transports.sockets.plain_socket import plain_socket

SLICE_BYTES = 64 * 1024
VANISHED = Ending(NO_CLOSE_FRAME, "connection lost")
TOO_SLOW = 1008  # RFC 6455: policy violation
# Work for a client begins anew once it has read its answers down to this share of the outbox.
_CROWDED_SHARE = 4
# The same while much waits for all clients together, and for who may do nothing.
TIGHT_BYTES = 64 * 1024
UNAUTHORIZED_BYTES = 16 * 1024


def _try_send(socket: trio.socket.SocketType, data: bytes | memoryview) -> int:
    """Send what the kernel takes now; returns how many bytes that was.

    A connection that is gone takes nothing; the waiting send will tell why.
    """
    try:
        # Asked anew each time: -1 once the socket is closed, never another's number.
        return os.write(socket.fileno(), data)
    except OSError:
        return 0


class OutboxSender(Outbox):
    """Writes all that waits in as few sends as possible.

    `intact` is False once a frame may have been cut: nothing can follow it. `last_moment` is when
    the goodbye ends, on Trio's clock. `share` is what the client has of what waits for all; output
    counts there once the kernel has not taken it at once.
    """

    __slots__ = (
        "_authorized_bytes",
        "_corked",
        "_crowded_bytes",
        "_limits",
        "_rest",
        "_running",
        "_send_batch",
        "_slice_scope",
        "_socket",
        "_space",
        "_start_run",
        "_stream",
        "_waiting_send",
        "intact",
        "last_moment",
        "share",
    )

    def __init__(
        self,
        stream: trio.abc.SendStream,
        framing: Framing,
        limits: Limits,
        send_batch: SendBatch | None = None,
        total: WaitingTotal | None = None,
    ) -> None:
        super().__init__(framing, limits.outbox_bytes, self._on_output)
        self.share = (total or WaitingTotal()).share(self._give_way)
        self.intact = True
        self.last_moment = math.inf
        self._send_batch = send_batch or SendBatch()
        self._stream = stream
        # Where what comes alone is sent without waiting: Trio's own send is a cancel scope, two
        # checkpoints and four calls. None for TLS and test streams, which go the long way.
        self._socket = plain_socket(stream)
        self._limits = limits
        self._authorized_bytes = limits.outbox_bytes // _CROWDED_SHARE
        self._crowded_bytes = self._authorized_bytes
        self._start_run: Callable[[], None] | None = None
        self._running = False
        self._space: trio.Event | None = None
        self._slice_scope: trio.CancelScope | None = None
        self._waiting_send = False
        self._corked = False
        # The part of a chunk that the kernel did not take at once.
        self._rest: bytes | memoryview = b""

    def reply(self, payload: bytes) -> None:
        """Answer this client, at once where nothing waits before that and nothing is collected."""
        frame = self.framing(payload)
        if not self._send_alone(frame):
            self.append(frame)

    def status(self, update: StatusUpdate) -> None:
        """Send a status at once where nothing waits before it; it is merged into what waits.

        In a burst it waits to be merged with the next.
        """
        if (
            self._status is not None
            or self._send_batch.depth
            or not self._send_alone(update.frames.get(self.framing) or update.framed(self.framing))
        ):
            super().status(update)

    def _send_alone(self, frame: bytes) -> bool:
        """Send one frame; False where something is collected, or was taken before and waits.

        All in one function: of what comes alone each call costs more than what it does.
        """
        if (
            self._socket is None
            or self._corked
            or self._send_batch.depth
            or self._frames
            or self._rest
            or self._waiting_send
            or self._status is not None
            or self._control
            or self._missed is not None
            or self.full
        ):
            return False
        try:
            sent_bytes = os.write(self._socket.fileno(), frame)  # `_try_send`
        except OSError:
            sent_bytes = 0
        if sent_bytes < len(frame):
            self._rest = memoryview(frame)[sent_bytes:]
            self._send_rest()
        return True

    def begin(self, start_run: Callable[[], None]) -> None:
        """From now on until `close` have `run` started by that whenever something has to wait."""
        self._start_run = start_run
        self._send_rest()

    @property
    def crowded(self) -> bool:
        """Whether so much waits that new work for this client had better wait too."""
        waiting_bytes = self.waiting_bytes
        if waiting_bytes <= TIGHT_BYTES:
            return waiting_bytes > self._crowded_bytes
        return waiting_bytes > self._crowded_bytes or self.share.total.tight

    def confine(self, authorized: bool) -> None:
        """How much may wait before work waits, by what the client may do."""
        most = self._authorized_bytes
        self._crowded_bytes = most if authorized else min(most, UNAUTHORIZED_BYTES)

    async def wait_for_space(self) -> None:
        """Wait until the outbox is not crowded; returns at once when it is not."""
        while self.crowded:
            if self._space is None:
                self._space = trio.Event()
            await self._space.wait()

    def cork(self) -> None:
        """Collect answers until `flush`; whoever corks flushes before waiting for anything.

        What the client's messages send to others (Klipper, other clients) is collected too.
        """
        if not self._corked:
            self._corked = True
            self._send_batch.__enter__()

    def _uncork(self) -> None:
        if self._corked:
            self._corked = False
            self._send_batch.__exit__(None, None, None)

    def flush(self) -> None:
        """Send what the kernel takes at once, and leave the rest to `run`."""
        if self._corked:
            self._uncork()
        idle = not self._waiting_send and not self._rest and not self.full
        if self.has_output and not (idle and self._try_send_all()):
            self._send_rest()

    def _send_rest(self) -> None:
        if self._start_run is not None and not self._running and (self.has_output or self._rest):
            self._running = True
            self._start_run()

    def limit_goodbye(self) -> float:
        """From now on everything has to be said within `goodbye_s`; returns `last_moment`.

        A second call changes nothing.
        """
        if self.last_moment == math.inf:
            self.last_moment = trio.current_time() + self._limits.goodbye_s
            if self._slice_scope is not None:
                self._slice_scope.deadline = min(self._slice_scope.deadline, self.last_moment)
        self._uncork()
        self._send_rest()
        return self.last_moment

    async def run(self) -> Ending | None:
        """Send all that waits; returns why that failed, when the client is too slow or gone.

        A cancellation takes effect where nothing is half sent: when the outbox is empty, or when
        the last moment has come. Whoever cancels calls `limit_goodbye` first.
        """
        failure = await self._send_waiting()
        self._running = False
        if failure is not None:
            self._start_run = None  # nothing can follow
        return failure

    async def _send_waiting(self) -> Ending | None:
        while self.has_output or self._rest:
            if self.full:
                self.intact = not self._rest
                return self._too_slow()
            if not self._try_send_all():
                self._rest = self._rest or self.take(SLICE_BYTES)
                self._count(self.waiting_bytes)
                failure = await self._send(self._rest)
                if failure is not None:
                    self.intact = False
                    return failure
                if self.has_output:
                    self._count(self.waiting_bytes)
                else:
                    self._stop_counting()
            self._notify_space()
        return None

    def _count(self, waiting_bytes: int) -> None:
        self.on_waiting = self._count
        self.share.set("output", waiting_bytes + len(self._rest))

    def keep_subscription(self, size_bytes: int) -> None:
        """Count what the client's subscription takes."""
        self.share.set("subscription", size_bytes)

    def _stop_counting(self) -> None:
        self.on_waiting = None
        self.share.set("output", 0)

    def close(self) -> None:
        """Keep nothing: the connection is over."""
        self._start_run = None
        self.share.close()
        super().close()
        self._rest = b""

    def _give_way(self) -> None:
        self.overflow("too much waited for all clients, most of it for this one")

    def _try_send_all(self) -> bool:
        """Send without waiting; True when nothing is left.

        Missed events may be many: they are left to `run`, which lets others have their turn.
        """
        if self._socket is None or self._rest or self.catching_up:
            return False
        while self.has_output and not self.full:
            chunk = self.take(SLICE_BYTES)
            sent_bytes = _try_send(self._socket, chunk)
            if sent_bytes < len(chunk):
                self._rest = memoryview(chunk)[sent_bytes:]
                return False
        if self.on_waiting is not None:
            self._stop_counting()
        if self._space is not None:
            self._notify_space()
        return True

    def _notify_space(self) -> None:
        if self._space is not None and not self.crowded:
            self._space.set()
            self._space = None

    async def _send(self, chunk: bytes | memoryview) -> Ending | None:
        """Send one chunk in slices, waiting as long as there is progress; returns what failed."""
        self._waiting_send = True
        view = memoryview(chunk)
        for start in range(0, len(chunk), SLICE_BYTES):
            failure = await self._send_slice(view[start : start + SLICE_BYTES])
            if failure is not None:
                return failure
            if self.full and start + SLICE_BYTES < len(chunk):
                return self._too_slow()
        self._waiting_send = False
        self._rest = b""
        return None

    async def _send_slice(self, data: memoryview) -> Ending | None:
        # Shielded, because a send that is cancelled may leave half a frame behind; `limit_goodbye`
        # moves the deadline forward when the connection is cancelled.
        deadline = min(trio.current_time() + self._limits.send_s, self.last_moment)
        with trio.move_on_at(deadline, shield=True) as self._slice_scope:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return VANISHED
            return None
        return self._too_slow()

    def _too_slow(self) -> Ending:
        if self.full_reason:
            return Ending(TOO_SLOW, self.full_reason)
        if self.full:
            return Ending(
                TOO_SLOW, f"more than {self._limits.outbox_bytes} bytes waited to be read"
            )
        return Ending(TOO_SLOW, f"read nothing for {self._limits.send_s:.0f} s")

    def _on_output(self) -> None:
        if self.full:
            self.limit_goodbye()
        if not self._corked and not self._send_batch.takes(self.flush, may_wait=True):
            self._send_rest()
