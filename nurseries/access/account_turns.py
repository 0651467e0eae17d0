"""Account calls of one socket, one after the other in its order, each as who it is by then.

Passwords are hashed in a thread, and a refused log-in waits: without turns a deletion would come
before the user that was to be made. No task of its own; who waits does so in its request.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mrk.access.role_needed import role_needed
from mrk.api.caller import SOCKETS, Caller
from mrk.clients.client_turns import ClientTurns
from mrk.clients.registry import Clients
from mrk.definitions.roles import Role


class AccountTurns:
    """The turns of all sockets. Other clients, and other calls of the same, wait for none."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._turns = ClientTurns()

    @asynccontextmanager
    async def turn(self, caller: Caller, needed: Role | None) -> AsyncIterator[Caller]:
        """Wait for the socket's earlier account calls; gives the caller as it is behind them.

        Raises `ClientError` when by then it may not do what `needed` may. A request over HTTP
        waits for nothing, though it may name a socket: that may be another's.
        """
        if caller.transport not in SOCKETS:
            yield caller
            return
        async with self._turns.turn(caller.connection_id):
            now = self._as_it_is(caller)
            if needed is not None:
                if not now.authorized:
                    raise now.refusal()
                if now.role < needed:
                    raise role_needed(needed, now.role)
            yield now

    def _as_it_is(self, caller: Caller) -> Caller:
        client = self._clients.get(caller.connection_id)
        return caller if client is None else client.as_caller()
