"""When websockets are pinged: one task for all of them instead of one for each, which is 3 KB.

The task runs in the nursery of one of the connections. When that one ends, it goes on in the
nursery of the next.
"""

import trio

from transports.sockets.client_connection import ClientConnection
from transports.sockets.websocket_stream import WebsocketStream


class PingClock:
    """Pings every websocket `ping_s` after it came, and then again and again.

    One instance for all connections whose `ping_s` it is.
    """

    def __init__(self, ping_s: float) -> None:
        self._ping_s = ping_s
        # All wait equally long: the first one is the next.
        self._due: dict[ClientConnection, tuple[float, WebsocketStream]] = {}
        self._carrier: ClientConnection | None = None

    def add(self, connection: ClientConnection, wire: WebsocketStream) -> None:
        """Ping a connection that runs; it ends when it does not answer."""
        self._due[connection] = (trio.current_time() + self._ping_s, wire)
        if self._carrier is None:
            self._run_in(connection)

    def remove(self, connection: ClientConnection) -> None:
        """Ping it no more; to be called before it has ended."""
        self._due.pop(connection, None)

    def _run_in(self, carrier: ClientConnection) -> None:
        self._carrier = carrier
        carrier.start(self._run, "pings")

    async def _run(self) -> None:
        carrier = self._carrier
        try:
            while self._due:
                await self._ping_next()
        finally:
            self._carrier = None
            after = next((one for one in self._due if one is not carrier), None)
            if after is not None:
                self._run_in(after)

    async def _ping_next(self) -> None:
        connection, (due, _wire) = next(iter(self._due.items()))
        await trio.sleep_until(due)
        turn = self._due.pop(connection, None)
        if turn is None:
            return  # it has gone meanwhile
        ending = turn[1].ping()
        if ending is None:
            self._due[connection] = (trio.current_time() + self._ping_s, turn[1])
        else:
            connection.end(ending)
