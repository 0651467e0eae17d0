"""One run of the virtual Klippy with its connections: the loop that lets time pass and sends.

Started by `service.py`, ended by a restart of Klippy or by cancellation; either way every
connection of the run ends with it.
"""

from collections import deque

import trio

from mrk.klippy.etx import etx_frame
from mrk.virtual_printer.faults import Fault, FaultKind
from mrk.virtual_printer.klippy import Klippy
from mrk.virtual_printer.protocol.webhooks import Outgoing
from nurseries.virtual_printer.link_faults import LinkFaults
from nurseries.virtual_printer.virtual_connection import VirtualConnection

# A wake-up is never closer than this: at high speed timers would otherwise come without pause.
LEAST_SLEEP_S = 0.002
# If computing lags behind by more, virtual time slows down instead of piling up work.
MOST_LAG_S = 0.25


class VirtualClock:
    """Eventtime from real time, `speed` times as fast; goes on through restarts."""

    def __init__(self, speed: float, eventtime: float = 1000.0) -> None:
        self.speed = speed
        self._real = trio.current_time()
        self._eventtime = eventtime

    def eventtime(self) -> float:
        """Now."""
        return self._eventtime + (trio.current_time() - self._real) * self.speed

    def real(self, eventtime: float) -> float:
        """The real time of an eventtime."""
        return self._real + (eventtime - self._eventtime) / self.speed

    def set(self, eventtime: float) -> None:
        """Call this moment `eventtime`."""
        self._real, self._eventtime = trio.current_time(), eventtime


class VirtualKlippyRun:
    """Klippy's rules, the clients of this run, and the faults of their links."""

    def __init__(self, klippy: Klippy, clock: VirtualClock, faults: LinkFaults) -> None:
        self.klippy = klippy
        self._faults = faults
        self._clock = clock
        self._connections: dict[int, VirtualConnection] = {}
        self._news = trio.Event()
        self._delayed: deque[tuple[float, Outgoing]] = deque()

    async def drive(self) -> None:
        """Let time pass and send what comes of it, until Klippy restarts."""
        while True:
            await self._keep_silence()
            behind = self._pump()
            if self.klippy.ended is not None:
                return
            if behind:
                await trio.lowlevel.checkpoint()
                continue
            with trio.move_on_at(self._next_at()):
                await self._news.wait()
            self._news = trio.Event()

    def wake(self) -> None:
        """Something came from outside: look at it now."""
        self._news.set()

    async def serve_connection(
        self, stream: trio.abc.Stream, output_limit_bytes: int, frame_limit_bytes: int
    ) -> None:
        """One client until its end; refused while the link is ordered to be down."""
        if self._faults.is_dropped:
            await trio.aclose_forcefully(stream)
            return
        number = self.klippy.connect()
        connection = self._connections[number] = VirtualConnection(
            number, stream, output_limit_bytes
        )

        def on_frame(frame: bytes) -> None:
            self.klippy.receive(number, frame)
            self.wake()

        try:
            await connection.serve(on_frame, frame_limit_bytes)
        finally:
            del self._connections[number]
            self.klippy.disconnect(number)

    async def close_connections(self) -> None:
        """Send each client what it is still owed, then close it."""
        for connection in list(self._connections.values()):
            connection.finish()
            await connection.closed.wait()

    def cut_connections(self) -> None:
        """Close all clients at once."""
        for connection in self._connections.values():
            connection.cut()

    def _pump(self) -> bool:
        """Advance once and hand out messages; True if virtual time is still behind."""
        klippy = self.klippy
        target = self._clock.eventtime()
        behind = klippy.advance(target)
        if behind and target - klippy.now > MOST_LAG_S * self._clock.speed:
            self._clock.set(klippy.now)
        klippy.check_status(trio.current_time())
        due = klippy.next_at()
        for fault in klippy.take_faults():
            self._carry_out(fault)
        self._deliver()
        return behind or (due is not None and due <= target)

    def _next_at(self) -> float:
        now = trio.current_time()
        times = [now + LEAST_SLEEP_S]
        due = self.klippy.next_at()
        wakes = [
            None if due is None else self._clock.real(due),
            self.klippy.next_status_at(now),
            self._delayed[0][0] if self._delayed else None,
        ]
        times.append(min((at for at in wakes if at is not None), default=now + 1.0))
        return max(times)

    def _deliver(self) -> None:
        now = trio.current_time()
        for message in self.klippy.take_outgoing():
            delay_s = self._faults.reply_delay_s if message.is_reply else 0.0
            if delay_s:
                self._delayed.append((now + delay_s, message))
            else:
                self._put(message)
        while self._delayed and self._delayed[0][0] <= now:
            self._put(self._delayed.popleft()[1])

    def _put(self, message: Outgoing) -> None:
        connection = self._connections.get(message.connection)
        if connection is None:
            return
        junk = self._faults.junk()
        if junk is not None:
            connection.put(etx_frame(junk))
        connection.put(etx_frame(message.payload))

    def _carry_out(self, fault: Fault) -> None:
        self._faults.begin(fault)
        if fault.kind is FaultKind.DROP_LINK:
            self.cut_connections()

    async def _keep_silence(self) -> None:
        until = self._faults.silent_until
        if until is not None:
            await trio.sleep_until(until)
