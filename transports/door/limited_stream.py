"""A stream whose sends cannot stall for ever.

Every connection the door accepts is wrapped in one, under whatever answers it. It owns the
transport and ends with `aclose`. Answers are sent under a shield: only the stream itself can end
such a send at a shutdown, so the deadline lives here, where no outer shield reaches.
"""

import contextlib
import math
import os
import socket
from functools import partial

import trio

from transports.door.file_sender import ClientGone, send_some

# A client that takes this much within the limit makes progress.
SLICE_BYTES = 64 * 1024
# Of a file, read for TLS.
CHUNK_BYTES = 256 * 1024


class LimitedStream(trio.abc.HalfCloseableStream):
    """Wraps a stream; each slice of output must be taken within `send_s` seconds.

    A send that was not taken in time raises `trio.BrokenResourceError`, and so does every later
    one: part of it may be on its way. `finish_by` bounds all sends together, for shutdown.
    `threads` bounds the threads that send files.
    """

    __slots__ = (
        "_broken",
        "_finish_by",
        "_send_s",
        "_sending",
        "_threads",
        "transport",
    )

    def __init__(
        self,
        transport: trio.abc.Stream,
        send_s: float,
        threads: trio.CapacityLimiter | None = None,
    ) -> None:
        self.transport = transport
        self._send_s = send_s
        self._threads = threads
        self._finish_by = math.inf
        self._sending: trio.CancelScope | None = None
        self._broken = False

    def finish_by(self, deadline: float) -> None:
        """Have every send, the one under way included, end by that instant of trio's clock."""
        self._finish_by = min(self._finish_by, deadline)
        if self._sending is not None:
            self._sending.deadline = min(self._sending.deadline, self._finish_by)

    def end_when_unheard(self) -> None:
        """Have the kernel end the connection when nothing acknowledges what was sent for `send_s`.

        For answers that go on: to a client that vanished, small sends would succeed for hours.
        """
        plain = self.transport
        if isinstance(plain, trio.SSLStream):
            plain = plain.transport_stream
        if isinstance(plain, trio.SocketStream):
            limit_ms = max(1, round(self._send_s * 1000))
            with contextlib.suppress(OSError):  # no TCP, or gone already
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; raises `trio.BrokenResourceError` when the client stalls."""
        await self._send(data, shield=False)

    async def send_whole(self, data: bytes) -> None:
        """As `send_all`, but finished even when the caller is cancelled meanwhile.

        For answers: half of one is worth less than the wait, which the limits bound. Most fit
        into the kernel's buffer: asking it first spares a turn of the loop, a third of what an
        API call costs. So this is no checkpoint.
        """
        sent = self._send_at_once(data)
        if sent < len(data):
            # A view: copying the rest of 20 MB takes 9 ms.
            await self._send(memoryview(data)[sent:] if sent else data, shield=True)

    def _send_at_once(self, data: bytes) -> int:
        if self._sending is not None or self._broken:
            return 0
        if not isinstance(self.transport, trio.SocketStream):
            return 0
        try:
            return os.write(self.transport.socket.fileno(), data)
        except BlockingIOError:
            return 0
        except OSError as exc:
            self._broken = True
            raise trio.BrokenResourceError("the client has gone") from exc

    async def _send(self, data: bytes | bytearray | memoryview, shield: bool) -> None:
        if len(data) <= SLICE_BYTES:
            await self._send_slice(data, shield)
            return
        with memoryview(data) as view:
            for start in range(0, len(data), SLICE_BYTES):
                await self._send_slice(view[start : start + SLICE_BYTES], shield)

    async def _send_slice(self, data: bytes | bytearray | memoryview, shield: bool) -> None:
        if self._broken:
            raise trio.BrokenResourceError("an earlier send was given up")
        deadline = min(trio.current_time() + self._send_s, self._finish_by)
        with trio.CancelScope(deadline=deadline, shield=shield) as scope:
            self._sending = scope
            try:
                await self.transport.send_all(data)
            except BaseException:
                self._broken = True
                raise
            finally:
                self._sending = None
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the client does not read")

    async def send_file(self, descriptor: int, start: int, size_bytes: int) -> None:
        """Send a part of a file, straight from the kernel where the transport is plain TCP.

        Raises `trio.BrokenResourceError` when the client stalls, and when the file ends early.
        """
        if self._broken:
            raise trio.BrokenResourceError("an earlier send was given up")
        try:
            if isinstance(self.transport, trio.SocketStream):
                await self._send_by_kernel(self.transport.socket, descriptor, start, size_bytes)
            else:
                await self._send_chunks(descriptor, start, size_bytes)
        except BaseException:
            self._broken = True  # part of what was promised may be missing
            raise

    async def _send_by_kernel(
        self, sock: trio.socket.SocketType, descriptor: int, start: int, size_bytes: int
    ) -> None:
        end, counted, began = start + size_bytes, start, trio.current_time()
        while start < end:
            if start - counted >= SLICE_BYTES:
                counted, began = start, trio.current_time()
            sent = await self._visit(sock, descriptor, start, end - start)
            if sent is None:
                raise trio.BrokenResourceError("the file became shorter while it was sent")
            start += sent
            if sent == 0:
                await self._wait_writable(sock, began)

    async def _visit(
        self, sock: trio.socket.SocketType, descriptor: int, start: int, size_bytes: int
    ) -> int | None:
        sender = partial(send_some, sock.fileno(), descriptor, start, size_bytes)
        try:
            return await trio.to_thread.run_sync(sender, limiter=self._threads)
        except ClientGone as exc:
            raise trio.BrokenResourceError("the client has gone") from exc

    async def _wait_writable(self, sock: trio.socket.SocketType, since: float) -> None:
        deadline = min(since + self._send_s, self._finish_by)
        with trio.CancelScope(deadline=deadline) as scope:
            self._sending = scope
            try:
                await trio.lowlevel.wait_writable(sock)
            finally:
                self._sending = None
        if scope.cancelled_caught:
            raise trio.BrokenResourceError("the client does not read")

    async def _send_chunks(self, descriptor: int, start: int, size_bytes: int) -> None:
        end = start + size_bytes
        while start < end:
            reader = partial(os.pread, descriptor, min(CHUNK_BYTES, end - start), start)
            data = await trio.to_thread.run_sync(reader, limiter=self._threads)
            if not data:
                raise trio.BrokenResourceError("the file became shorter while it was sent")
            await self.send_all(data)
            start += len(data)

    async def wait_send_all_might_not_block(self) -> None:
        """As the transport's."""
        await self.transport.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """As the transport's; from plain TCP with one look at the socket, when the kernel says so.

        Trio's own looks before it waits and once more behind the wait.
        """
        if not isinstance(self.transport, trio.SocketStream) or max_bytes is None:
            return await self.transport.receive_some(max_bytes)
        socket = self.transport.socket
        while True:
            if socket.fileno() < 0:
                raise trio.ClosedResourceError("closed on this side")
            await trio.lowlevel.wait_readable(socket)
            try:
                return os.read(socket.fileno(), max_bytes)
            except BlockingIOError:
                continue
            except OSError as exc:
                raise trio.BrokenResourceError("the client has gone") from exc

    async def send_eof(self) -> None:
        """End our direction where the transport can (TLS cannot)."""
        if isinstance(self.transport, trio.abc.HalfCloseableStream) and not self._broken:
            await self.transport.send_eof()

    async def aclose(self) -> None:
        """Close the transport; TLS says goodbye within the limits of a send."""
        deadline = min(trio.current_time() + self._send_s, self._finish_by)
        with trio.CancelScope(deadline=deadline):
            await self.transport.aclose()
