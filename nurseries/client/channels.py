"""The two ways to a running daemon: its unix socket and its websocket.

A channel carries whole JSON messages. What the library underneath raises is translated here,
once, to `ChannelClosed` and `CannotConnect`.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import trio
import trio_websocket

from mrk.errors import MrkError, leaves
from mrk.klippy.etx import EtxDecoder, FrameTooLong, etx_frame
from mrk.websocket.client_request import host_and_resource

_CHUNK_BYTES = 65536
_LIMIT_BYTES = 64 * 1024 * 1024  # answers of the daemon; it states none of its own
_CONNECT_S = 10.0
_GOODBYE_S = 2.0
_EXAMPLE = "ws://HOST:7125/websocket"
_NO_CLOSE_FRAME = 1006  # RFC 6455: what a client notes where none came


class CannotConnect(MrkError):
    """Nobody answers there; the text says what to try."""


class ChannelClosed(MrkError):
    """The daemon ended the connection, or the stream broke."""


class Channel(Protocol):
    """Carries whole messages, both ways."""

    async def send(self, message: bytes) -> None:
        """Send one message; raises `ChannelClosed`."""

    async def receive(self) -> list[bytes]:
        """Wait for at least one message; raises `ChannelClosed`."""


class EtxChannel:
    """Messages ended by ETX on any Trio stream."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._decoder = EtxDecoder(_LIMIT_BYTES)

    async def send(self, message: bytes) -> None:
        """Send one message; raises `ChannelClosed`."""
        try:
            await self._stream.send_all(etx_frame(message))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise ChannelClosed("the daemon closed the socket") from exc

    async def receive(self) -> list[bytes]:
        """Wait for at least one message; raises `ChannelClosed`."""
        while True:
            try:
                data = await self._stream.receive_some(_CHUNK_BYTES)
                frames = self._decoder.feed(bytes(data))
            except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
                raise ChannelClosed("the socket broke") from exc
            except FrameTooLong as exc:
                raise ChannelClosed(str(exc)) from exc
            if not data:
                raise ChannelClosed("the daemon closed the socket")
            if frames:
                return frames


class WebsocketChannel:
    """Messages as websocket text."""

    def __init__(self, connection: trio_websocket.WebSocketConnection) -> None:
        self._connection = connection

    async def send(self, message: bytes) -> None:
        """Send one message; raises `ChannelClosed`."""
        try:
            await self._connection.send_message(message.decode())
        except trio_websocket.ConnectionClosed as exc:
            raise ChannelClosed(_closed(exc)) from exc

    async def receive(self) -> list[bytes]:
        """Wait for one message; raises `ChannelClosed`."""
        try:
            message = await self._connection.get_message()
        except trio_websocket.ConnectionClosed as exc:
            raise ChannelClosed(_closed(exc)) from exc
        return [message.encode() if isinstance(message, str) else message]


def _closed(exc: trio_websocket.ConnectionClosed) -> str:
    reason = exc.reason
    if reason is None or reason.code == _NO_CLOSE_FRAME:
        return "the daemon ended the websocket without a close frame"
    return f"the daemon closed the websocket: {reason.code} {reason.reason or reason.name}"


@contextlib.asynccontextmanager
async def open_unix_channel(path: Path) -> AsyncIterator[Channel]:
    """A channel over the daemon's unix socket; raises `CannotConnect`."""
    try:
        with trio.fail_after(_CONNECT_S):
            stream = await trio.open_unix_socket(str(path))
    except (OSError, trio.TooSlowError) as exc:
        hint = "is the daemon running, and is this its data folder? (-d, -u, or --url for another)"
        raise CannotConnect(f"{path}: {_reason(exc)}; {hint}") from exc
    async with stream:
        yield EtxChannel(stream)


@contextlib.asynccontextmanager
async def open_websocket_channel(url: str) -> AsyncIterator[Channel]:
    """A channel to an address like `ws://127.0.0.1:7125/websocket`; raises `CannotConnect`."""
    stream, host, resource = await _open_stream(url)
    try:
        # Closed here: trio-websocket forgets the stream when the other end closed first.
        async with stream, trio.open_nursery() as nursery:
            with trio.fail_after(_CONNECT_S):
                connection = await trio_websocket.wrap_client_stream(
                    nursery,
                    stream,
                    host,
                    resource,
                    message_queue_size=64,
                    max_message_size=_LIMIT_BYTES,
                    receive_buffer_size=_CHUNK_BYTES,
                )
            yield WebsocketChannel(connection)
            with trio.move_on_after(_GOODBYE_S):
                await connection.aclose()
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        refused, _others = group.split((trio_websocket.HandshakeError, trio.TooSlowError))
        if refused is None:
            raise
        raise CannotConnect(f"{url}: {_refusal(refused)}") from group


async def _open_stream(
    url: str,
) -> tuple[trio.SocketStream | trio.SSLStream[trio.SocketStream], str, str]:
    """A stream to an address, its Host header and its resource; raises `CannotConnect`."""
    try:
        parts = urlsplit(url)
        secure = parts.scheme == "wss"
        port = parts.port or (443 if secure else 80)
        host, resource = host_and_resource(parts)
    except ValueError as exc:
        raise CannotConnect(f"{url}: {exc}") from exc
    if parts.scheme not in ("ws", "wss") or parts.hostname is None:
        raise CannotConnect(f"{url}: not a websocket address, like {_EXAMPLE}")
    opening = trio.open_ssl_over_tcp_stream if secure else trio.open_tcp_stream
    try:
        with trio.fail_after(_CONNECT_S):
            return await opening(parts.hostname, port), host, resource
    except (OSError, UnicodeError, trio.TooSlowError) as exc:
        raise CannotConnect(f"{url}: {_refusal(exc)}") from exc


def _refusal(error: BaseException) -> str:
    exc = leaves(error)[0]
    if isinstance(exc, trio_websocket.ConnectionRejected):
        return f"HTTP {exc.status_code} was answered; expected an address like {_EXAMPLE}"
    reason = _reason(exc)
    return f"{reason}; is the daemon running, and is the port right?"


def _reason(error: BaseException) -> str:
    """Why, without the numbers of errors; of several addresses that were tried, the first one's."""
    first = error
    while first.__cause__ is not None or isinstance(first, BaseExceptionGroup):
        first = leaves(first.__cause__ or first)[0]
    if isinstance(first, trio.TooSlowError):
        return f"no answer within {_CONNECT_S:.0f} s"
    return getattr(first, "strerror", None) or str(first) or type(first).__name__
