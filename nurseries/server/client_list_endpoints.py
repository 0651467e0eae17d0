"""server.connection.list: who is connected now, and what waits for each.

No task of its own: it looks at the registry of clients that the transports fill.
"""

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from mrk.clients.registry import Client, Clients


class ConnectedClient(msgspec.Struct, frozen=True):
    """One open websocket, unix socket or event stream.

    `waiting_bytes` were not taken yet by its outbox's reader. The name, version, type and
    url are what the client says of itself; None before it has.
    """

    connection_id: int
    transport: str
    address: str | None
    authorized: bool
    user: str | None
    role: str
    reason: str
    waiting_bytes: int
    client_name: str | None = None
    version: str | None = None
    type: str | None = None
    url: str | None = None


class ClientList(msgspec.Struct, frozen=True):
    """The answer of server.connection.list; `connection_id` is the caller's own, if it has one."""

    connections: list[ConnectedClient]
    connection_id: int | None


class ClientListEndpoints:
    """The declaration and its handler."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def endpoints(self) -> list[Endpoint]:
        """`server.connection.list`."""
        return [
            get(
                "/server/connection/list",
                self.list_clients,
                "Who is connected by a socket now, and how much waits to be sent to each.",
                Access.ADMIN,
                result=ClientList,
            )
        ]

    def list_clients(self, _params: NoParams, caller: Caller) -> ClientList:
        """In the order in which they came."""
        return ClientList([_told(client) for client in self._clients], caller.connection_id)


def _told(client: Client) -> ConnectedClient:
    said = client.identity
    return ConnectedClient(
        connection_id=client.id,
        transport=client.transport.value,
        address=client.address,
        authorized=client.authorized,
        user=client.user,
        role=client.role.word,
        reason=client.reason.word,
        waiting_bytes=client.outbox.waiting_bytes,
        client_name=None if said is None else said.client_name,
        version=None if said is None else said.version,
        type=None if said is None else said.type,
        url=None if said is None else said.url,
    )
