"""Open websockets and unix sockets, as far as they belong to users."""

from mrk.access.accounts import Account
from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role


class UserSockets:
    """Logs sockets in, and shuts them out when their user's tokens end."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def log_in(self, caller: Caller, account: Account) -> None:
        """Make the caller's socket, or the one that an HTTP request acts for, that user's.

        Over HTTP only a socket of the same address: nobody logs in another's.
        """
        client = self._clients.get(caller.connection_id)
        if client is None:
            return
        own = caller.transport in (Transport.WEBSOCKET, Transport.UNIX)
        if own or (client.transport is Transport.WEBSOCKET and client.address == caller.address):
            self._clients.authorize(client, account, Reason.LOGIN)

    def end(self, username: str) -> list[Client]:
        """Shut out the sockets of a user, and return them; a unix socket only loses the user."""
        theirs = [client for client in self._clients if client.user == username]
        self._clients.revoke(username)
        return [client for client in theirs if not client.authorized]

    def change_role(self, username: str, role: Role) -> None:
        """Let the sockets of a user do as much as `role` may."""
        self._clients.change_role(username, role)
