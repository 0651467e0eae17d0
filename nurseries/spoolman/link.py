"""The websocket to Spoolman: whether it is there, and hints that a spool was deleted.

`serve` is one connection: it raises `Transient` when that cannot be had or is lost, and the
supervisor begins anew. Never open and close one quickly, and never send binary: Spoolman then may
forget other listeners.
"""

from collections.abc import Callable

import trio

from mrk import foreign_json
from mrk.errors import leaves
from mrk.foreign_json import NotJson
from mrk.websocket.client_protocols import WebsocketConnection, WebsocketFailed, Websockets
from nurseries.spoolman.server import SpoolmanAway, SpoolmanServer

# The server pings by itself each 20 s and waits as long; this is for a host that is gone.
PING_EACH_S = 30.0
PONG_S = 15.0
# The link ends beside the reporter, which then still has something to say.
JUST_NOW_S = 0.5
# Front ends ask for spools once, as soon as a restart lets them in.
FIRST_ATTEMPT_S = 5.0
# Events are taken as they come; one tells a whole spool.
EVENTS = 64
MOST_EVENT_BYTES = 4 * 1024 * 1024


class SpoolmanLink:
    """Told to its one listener: `on_connected(bool)` at each change, `on_deleted(spool_id)`."""

    def __init__(
        self,
        server: SpoolmanServer,
        websockets: Websockets,
        *,
        ping_each_s: float = PING_EACH_S,
        pong_s: float = PONG_S,
    ) -> None:
        self._server = server
        self._websockets = websockets
        self._ping_each_s = ping_each_s
        self._pong_s = pong_s
        self.connected = False
        self._changed_at = 0.0
        self._attempted = trio.Event()
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
        try:
            await self._server.check()
            await self._converse()
        except* SpoolmanAway as group:
            raise SpoolmanAway(str(leaves(group)[0])) from group
        except* WebsocketFailed as group:
            raise SpoolmanAway(f"Spoolman's websocket ended: {leaves(group)[0]}") from group
        finally:
            self._set_connected(False)
            self._attempted.set()

    async def first_attempt(self) -> None:
        """Wait until the first connection stands or has failed, for a while at most."""
        with trio.move_on_after(FIRST_ATTEMPT_S):
            await self._attempted.wait()

    async def _converse(self) -> None:
        opened = self._websockets.opened(
            self._server.websocket_url, most_bytes=MOST_EVENT_BYTES, waiting=EVENTS, local=True
        )
        async with opened as connection, trio.open_nursery() as nursery:
            self._set_connected(True)
            self._attempted.set()
            nursery.start_soon(self._keep_alive, connection, name="spoolman pings")
            while True:
                self._take(await connection.receive())

    def _take(self, message: str | bytes) -> None:
        try:
            event = foreign_json.decode(message)
        except NotJson:
            return  # events are hints, also those that cannot be read
        if isinstance(event, dict) and event.get("type") == "deleted":
            payload = event.get("payload")
            spool_id = payload.get("id") if isinstance(payload, dict) else None
            if event.get("resource") == "spool" and type(spool_id) is int:
                self.on_deleted(spool_id)

    async def _keep_alive(self, connection: WebsocketConnection) -> None:
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
