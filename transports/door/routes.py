"""Who answers at the door, and what has to be known of a client before; one for all connections.

Made by the root, once a generation.
"""

from collections.abc import Awaitable, Callable

import msgspec
import trio

from mrk.access.address import ProxyRule
from mrk.clients.accepting import Accepting
from mrk.clients.turns import Turns
from mrk.http import multipart
from mrk.metrics.request_counts import Tally
from transports.door.route_table import RouteTable


class Routes(msgspec.Struct, frozen=True):
    """`look_up_names`, when there is one, may wait for the host names of a client's address,
    `load_tokens` for what reads the access token of a request.

    `answered` counts answers by status. Who connects, and who leaves, takes one of the `turns`.
    While `accepting` is stopped, each answer is the last of its connection, and says so: who asks
    on connects anew, and is served by whoever accepts next.
    """

    table: RouteTable
    proxies: ProxyRule = msgspec.field(default_factory=ProxyRule)
    look_up_names: Callable[[str], Awaitable[None]] | None = None
    load_tokens: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
    answered: Tally = msgspec.field(default_factory=Tally)
    turns: Turns = msgspec.field(default_factory=Turns)
    accepting: Accepting = msgspec.field(default_factory=Accepting)
    one_loads: trio.CapacityLimiter = msgspec.field(default_factory=lambda: trio.CapacityLimiter(1))

    async def load_forms(self) -> None:
        """Have a thread load what reads forms: a slow disk takes seconds."""
        await trio.to_thread.run_sync(
            multipart.load_library, limiter=self.one_loads, abandon_on_cancel=True
        )
