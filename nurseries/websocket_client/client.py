"""Opens websockets with trio-websocket, which is loaded at the first opening.

Each block owns the library's tasks and the stream. Errors of the library are translated here.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any
from urllib.parse import SplitResult, urlsplit

import trio

from mrk.errors import leaves
from mrk.websocket.client_protocols import WebsocketFailed
from mrk.websocket.client_request import host_and_resource

CONNECT_S = 10.0
GOODBYE_S = 0.2

SSLStream = trio.SSLStream[trio.SocketStream]


class OpenedWebsocket:
    """Implements `WebsocketConnection` on the library's connection."""

    def __init__(self, connection: Any, library: ModuleType) -> None:
        self._connection = connection
        self._closed = library.ConnectionClosed

    async def receive(self) -> str | bytes:
        try:
            message: str | bytes = await self._connection.get_message()
        except self._closed as exc:
            raise WebsocketFailed(_said(exc)) from exc
        return message

    async def send(self, message: str) -> None:
        try:
            await self._connection.send_message(message)
        except (self._closed, OSError, trio.BrokenResourceError) as exc:
            raise WebsocketFailed(_said(exc)) from exc

    async def ping(self) -> None:
        try:
            await self._connection.ping()
        except (self._closed, OSError, trio.BrokenResourceError) as exc:
            raise WebsocketFailed(_said(exc)) from exc


class SystemWebsockets:
    """Implements `Websockets`."""

    @asynccontextmanager
    async def opened(
        self, url: str, *, most_bytes: int, waiting: int = 64, local: bool = False
    ) -> AsyncIterator[OpenedWebsocket]:
        library = await trio.to_thread.run_sync(_import_library, abandon_on_cancel=True)
        address = urlsplit(url)
        # Ours to close: as a client the library leaves a stream open that the server has left.
        stream = await _open_stream(address, local)
        try:
            async with trio.open_nursery() as nursery:
                connection = await _shake_hands(
                    library, nursery, stream, address, most_bytes, waiting
                )
                try:
                    yield OpenedWebsocket(connection, library)
                finally:
                    with trio.move_on_after(GOODBYE_S, shield=True):
                        await connection.aclose()
        except* (
            OSError,
            trio.BrokenResourceError,
            library.HandshakeError,
            library.ConnectionClosed,
        ) as group:
            raise WebsocketFailed(_said(leaves(group)[0])) from group
        finally:
            await trio.aclose_forcefully(stream)


async def _shake_hands(
    library: ModuleType,
    nursery: trio.Nursery,
    stream: trio.SocketStream | SSLStream,
    address: SplitResult,
    most_bytes: int,
    waiting: int,
) -> Any:
    try:
        host, resource = host_and_resource(address)
        with trio.fail_after(CONNECT_S):
            return await library.wrap_client_stream(
                nursery,
                stream,
                host,
                resource,
                message_queue_size=waiting,
                max_message_size=most_bytes,
            )
    except UnicodeError as exc:
        raise WebsocketFailed(f"{address.netloc} is not the name of a host") from exc
    except trio.TooSlowError as exc:
        raise WebsocketFailed(f"no answer within {CONNECT_S:g} s") from exc


def _said(error: BaseException) -> str:
    """For people; the library's errors say little, and the server's body too much."""
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return f"the server answers with HTTP {status}"
    reason = getattr(error, "reason", None)
    code, said = getattr(reason, "code", None), getattr(reason, "reason", None)
    if isinstance(code, int):
        return f"the server closed it with code {code}" + (f": {said:.100}" if said else "")
    if isinstance(error, trio.BrokenResourceError) and error.__cause__ is not None:
        return str(error.__cause__)  # such as a certificate that cannot be verified
    return str(error) or type(error).__name__


def _import_library() -> ModuleType:
    import trio_websocket

    return trio_websocket


async def _open_stream(address: SplitResult, local: bool) -> trio.SocketStream | SSLStream:
    host = address.hostname or ""
    try:
        with trio.fail_after(CONNECT_S):
            if address.scheme == "ws":
                return await trio.open_tcp_stream(host, address.port or 80)
            context = await trio.to_thread.run_sync(_context, local)
            stream = await trio.open_ssl_over_tcp_stream(
                host, address.port or 443, ssl_context=context, https_compatible=True
            )
            try:
                # The library would not notice that it fails.
                await stream.do_handshake()
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return stream
    except (OSError, ValueError, trio.BrokenResourceError, trio.TooSlowError) as exc:
        raise WebsocketFailed(f"no connection to {host}: {_said(exc)}") from exc


def _context(local: bool) -> "ssl.SSLContext":
    """Reading the certificates of all authorities takes 20 ms."""
    context = ssl.create_default_context() if not local else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if local:
        # As for HTTP: a device of the user's own network, with any certificate.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
