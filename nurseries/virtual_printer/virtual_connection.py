"""One client of the virtual printer: a reader, a writer and a bounded outbox between them.

Runs in the task that serves its stream; ends when either side closes, when the client does not
read, or when the run of Klippy ends.
"""

from collections import deque
from collections.abc import Callable

import trio

from mrk.klippy.etx import EtxDecoder, FrameTooLong

READ_BYTES = 65536
# A request takes 20 to 100 us here: others get their turn after a few of them.
FRAMES_AT_ONCE = 20
GOODBYE_S = 1.0


class VirtualConnection:
    """Everything one client needs; `number` is Klippy's name for it."""

    def __init__(self, number: int, stream: trio.abc.Stream, output_limit_bytes: int) -> None:
        self.number = number
        self._stream = stream
        self._output_limit_bytes = output_limit_bytes
        self._outbox: deque[bytes] = deque()
        self._outbox_bytes = 0
        self._news = trio.Event()
        self._finishing = False
        self._scope = trio.CancelScope()
        self.closed = trio.Event()

    def put(self, framed: bytes) -> None:
        """Queue bytes for the client; one that leaves too much unread is cut."""
        self._outbox.append(framed)
        self._outbox_bytes += len(framed)
        if self._outbox_bytes > self._output_limit_bytes:
            self.cut()
        self._news.set()

    def finish(self) -> None:
        """Send what is queued, then close; not longer than a second."""
        self._finishing = True
        self._scope.deadline = min(self._scope.deadline, trio.current_time() + GOODBYE_S)
        self._news.set()

    def cut(self) -> None:
        """Close at once."""
        self._scope.cancel()

    async def serve(self, on_frame: Callable[[bytes], None], frame_limit_bytes: int) -> None:
        """Read and write until the connection ends; closes the stream."""
        try:
            with self._scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._write, name=f"virtual printer writer {self.number}")
                    await self._read(on_frame, frame_limit_bytes)
                    nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(self._stream)
            self.closed.set()

    async def _read(self, on_frame: Callable[[bytes], None], frame_limit_bytes: int) -> None:
        decoder = EtxDecoder(frame_limit_bytes)
        try:
            while data := await self._stream.receive_some(READ_BYTES):
                for number, frame in enumerate(decoder.feed(bytes(data)), 1):
                    on_frame(frame)
                    if not number % FRAMES_AT_ONCE:
                        await trio.lowlevel.checkpoint()
        except (trio.BrokenResourceError, trio.ClosedResourceError, FrameTooLong):
            return

    async def _write(self) -> None:
        try:
            while True:
                while self._outbox:
                    waiting = b"".join(self._outbox)
                    self._outbox.clear()
                    await self._stream.send_all(waiting)
                    self._outbox_bytes -= len(waiting)
                if self._finishing:
                    break
                await self._news.wait()
                self._news = trio.Event()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.cut()
