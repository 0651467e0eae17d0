"""The websocket to Spoolman: whether it is there, and hints that a spool was deleted.

`serve` is one connection: it raises `Transient` when that cannot be had or is lost, and the
supervisor begins anew. Never open and close one quickly, and never send binary: Spoolman then may
forget other listeners.
"""

import ssl
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec
import trio

from mrk.errors import leaves
from nurseries.spoolman.server import SpoolmanAway, SpoolmanServer

CONNECT_S = 10.0
# The server pings by itself each 20 s and waits as long; this is for a host that is gone.
PING_EACH_S = 30.0
PONG_S = 15.0
GOODBYE_S = 0.2
# The link ends beside the reporter, which then still has something to say.
JUST_NOW_S = 0.5
# Events are taken as they come; one tells a whole spool.
EVENTS = 64
MOST_EVENT_BYTES = 4 * 1024 * 1024

SSLStream = trio.SSLStream[trio.SocketStream]


class SpoolmanLink:
    """Told to its one listener: `on_connected(bool)` at each change, `on_deleted(spool_id)`."""

    def __init__(
        self,
        server: SpoolmanServer,
        *,
        ping_each_s: float = PING_EACH_S,
        pong_s: float = PONG_S,
    ) -> None:
        self._server = server
        self._ping_each_s = ping_each_s
        self._pong_s = pong_s
        self.connected = False
        self._changed_at = 0.0
        self.on_connected: Callable[[bool], None] = lambda connected: None
        self.on_deleted: Callable[[int], None] = lambda spool_id: None

    @property
    def was_connected(self) -> bool:
        """Whether it is connected, or was until mrk began to end."""
        if self.connected or self._changed_at == 0:
            return self.connected
        return trio.current_time() - self._changed_at < JUST_NOW_S

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Stay connected. Raises `SpoolmanAway`."""
        task_status.started()
        await self._server.check()
        library = await trio.to_thread.run_sync(_import_library, abandon_on_cancel=True)
        errors = (
            OSError,
            trio.BrokenResourceError,
            library.HandshakeError,
            library.ConnectionClosed,
            trio.TooSlowError,
        )
        try:
            await self._converse(library)
        except* SpoolmanAway as group:
            raise SpoolmanAway(str(leaves(group)[0])) from group
        except* errors as group:
            cause = leaves(group)[0]
            said = str(cause) or type(cause).__name__
            raise SpoolmanAway(f"Spoolman's websocket ended: {said}") from group
        finally:
            self._set_connected(False)

    async def _converse(self, library: ModuleType) -> None:
        address = urlsplit(self._server.websocket_url)
        # Ours to close: as a client the library leaves a stream open that the server has left.
        with trio.fail_after(CONNECT_S):
            stream = await _open_stream(address)
        try:
            async with trio.open_nursery() as nursery:
                with trio.fail_after(CONNECT_S):
                    connection = await library.wrap_client_stream(
                        nursery,
                        stream,
                        address.netloc,
                        address.path,
                        message_queue_size=EVENTS,
                        max_message_size=MOST_EVENT_BYTES,
                    )
                self._set_connected(True)
                nursery.start_soon(self._keep_alive, connection, name="spoolman pings")
                try:
                    while True:
                        self._take(await connection.get_message())
                finally:
                    with trio.move_on_after(GOODBYE_S, shield=True):
                        await connection.aclose()
        finally:
            await trio.aclose_forcefully(stream)

    def _take(self, message: str | bytes) -> None:
        try:
            event: Any = msgspec.json.decode(message)
        except (msgspec.DecodeError, RecursionError):
            return  # events are hints, also those that cannot be read
        if isinstance(event, dict) and event.get("type") == "deleted":
            payload = event.get("payload")
            spool_id = payload.get("id") if isinstance(payload, dict) else None
            if event.get("resource") == "spool" and type(spool_id) is int:
                self.on_deleted(spool_id)

    async def _keep_alive(self, connection: Any) -> None:
        while True:
            await trio.sleep(self._ping_each_s)
            with trio.move_on_after(self._pong_s) as scope:
                await connection.ping()
            if scope.cancelled_caught:
                raise SpoolmanAway(f"no answer to a ping within {self._pong_s:g} s")

    def _set_connected(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected, self._changed_at = connected, trio.current_time()
            self.on_connected(connected)


def _import_library() -> ModuleType:
    import trio_websocket

    return trio_websocket


async def _open_stream(address: SplitResult) -> trio.SocketStream | SSLStream:
    host, port = address.hostname or "", address.port
    if address.scheme == "ws":
        return await trio.open_tcp_stream(host, port or 80)
    # As for HTTP: a device of the user's own network, with any certificate.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return await trio.open_ssl_over_tcp_stream(
        host, port or 443, ssl_context=context, https_compatible=True
    )
