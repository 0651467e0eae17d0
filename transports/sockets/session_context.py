"""What all sessions of a generation share. Made by the root; owns no task."""

from collections.abc import Callable

import msgspec
import trio

from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.registry import Clients
from mrk.definitions.limits import Limits
from mrk.websocket.events import Ending
from transports.sockets.client_connection import SERVER_SHUTDOWN


class SessionContext(msgspec.Struct, frozen=True):
    """`when_cancelled` is how a generation ends its sessions.

    Whoever reads a large message takes the `turn`.
    """

    rpc: Rpc
    table: Table
    clients: Clients
    limits: Limits
    when_cancelled: Callable[[], Ending] = lambda: SERVER_SHUTDOWN
    turn: trio.Lock = msgspec.field(default_factory=trio.Lock)
