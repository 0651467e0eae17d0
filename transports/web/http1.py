"""Hypercorn's Trio server on one connection that the door handed over.

Imported only when the web app is first needed. Kept to HTTP/1.1: an upgrade to HTTP/2 would
let one client run a hundred requests at once. Hypercorn sends under a shield without limit;
the stream below it ends such sends (`transports/door/limited_stream.py`).
"""

import logging
import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import h11
import trio
from hypercorn.config import Config
from hypercorn.events import Event, RawData
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from quart import Quart

from mrk.definitions.limits import Limits
from mrk.http.head import RequestHead
from mrk.metrics.request_counts import Tally

logger = logging.getLogger(__name__)

# The door has let a head of the full size through; h11 counts a little differently.
_HEAD_SLACK_BYTES = 1024


class _ReplayStream(trio.abc.HalfCloseableStream):
    """Gives the bytes already read first; looks like a socket stream to Hypercorn.

    Who sends waits for who is sending.
    """

    def __init__(self, stream: trio.abc.Stream, buffered: bytes, peer: str) -> None:
        self._stream = stream
        self._buffered = buffered
        # Hypercorn ends our direction from one task while another may be sending an answer.
        self._sending = trio.Lock()
        # What Hypercorn asks of a socket: who is at its ends.
        self.socket = SimpleNamespace(
            family=socket.AF_INET, getpeername=lambda: (peer, 0), getsockname=lambda: ("", 0)
        )

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        if self._buffered:
            await trio.lowlevel.checkpoint()
            size = len(self._buffered) if max_bytes is None else max_bytes
            data, self._buffered = self._buffered[:size], self._buffered[size:]
            return data
        return await self._stream.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        async with self._sending:
            await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self._stream.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        if isinstance(self._stream, trio.abc.HalfCloseableStream):
            async with self._sending:
                await self._stream.send_eof()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _Protocol(H11Protocol):
    """Passes every wish for another protocol over (RFC 9110, section 7.8).

    HTTP/2 is not offered, and a websocket wants a connection that the door has looked at first;
    Hypercorn fails on frames that come behind the handshake that it refuses.
    """

    async def _check_protocol(self, event: object) -> None:
        pass

    async def _create_stream(self, request: h11.Request) -> None:
        headers = [(name, value) for name, value in request.headers if name != b"upgrade"]
        await super()._create_stream(
            h11.Request(
                method=request.method,
                target=request.target,
                headers=headers,
                http_version=request.http_version,
            )
        )


class _Server(TCPServer):
    """Hypercorn's server without its choice of protocols and TLS, which the door has done."""

    def __init__(self, secure: bool, peer: str, closing_s: float, *args: Any) -> None:
        super().__init__(*args)
        self._secure = secure
        self._peer = peer
        self._closing_s = closing_s

    async def protocol_send(self, event: Event) -> None:
        """As Hypercorn's, but what follows an answer is not cut off.

        Hypercorn does it in the app's task, which Quart cancels as soon as it hears that the
        answer is out: `Connection: close` then left the socket open, without an idle limit.
        """
        if isinstance(event, RawData):
            await super().protocol_send(event)
            return
        with trio.move_on_after(self._closing_s, shield=True):
            await super().protocol_send(event)

    async def run(self) -> None:
        try:
            async with TaskGroup() as task_group:
                self._task_group = task_group
                # The base class types it as the wrapper that chooses between protocols.
                self.protocol = _Protocol(  # type: ignore[assignment]
                    self.app,
                    self.config,
                    self.context,
                    task_group,
                    ConnectionState({}),
                    self._secure,
                    (self._peer, 0),
                    None,
                    self.protocol_send,
                )
                await self.protocol.initiate()
                await self.idle_task.restart(task_group, self._idle_timeout)
                await self._read_data()
        finally:
            with trio.move_on_after(self._closing_s, shield=True):
                await self._close()


class Http1:
    """Runs `app` on connections, for one request each; one instance per generation.

    `answered` counts answers by status.
    """

    def __init__(self, app: Quart, limits: Limits, answered: Tally) -> None:
        self._app = app
        self._answered = answered
        self._config = _config(limits)
        self._closing_s = limits.goodbye_s

    async def __call__(self, stream: trio.abc.Stream, head: RequestHead, buffered: bytes) -> None:
        """Serve until the client leaves, is idle for too long, or the door is cancelled."""
        replay = _ReplayStream(stream, buffered, head.peer)
        server = _Server(
            head.secure,
            head.peer,
            self._closing_s,
            self._run_app,
            self._config,
            WorkerContext(None),
            {},
            replay,
        )
        try:
            await server.run()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            logger.debug("connection of %s lost", head.peer)

    async def _run_app(
        self, scope: Any, receive: Any, send: Any, _spawn: Callable[..., Any], _soon: Any
    ) -> None:
        async def counted(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._answered[message["status"]] += 1
            await send(message)

        await self._app(scope, receive, counted)


def _config(limits: Limits) -> Config:
    config = Config()
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.head_bytes + _HEAD_SLACK_BYTES
    config.keep_alive_timeout = limits.keep_alive_s
    config.keep_alive_max_requests = 1
    return config
