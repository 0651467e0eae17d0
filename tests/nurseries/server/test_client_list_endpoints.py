import pytest

from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients, Identity
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.klippy.etx import etx_frame
from nurseries.server.client_list_endpoints import ClientList, ClientListEndpoints, ConnectedClient


def listed(clients: Clients, caller: Caller) -> ClientList:
    table = Table(ClientListEndpoints(clients).endpoints())
    found: ClientList = table.method("server.connection.list", caller.transport).call({}, caller)
    return found


def test_who_is_connected_and_what_waits() -> None:
    clients = Clients()
    outbox = Outbox(etx_frame, 1000, lambda: None)
    named = Client(1, Transport.WEBSOCKET, outbox, "10.0.0.7", True, "ann", Role.OPERATE)
    named.reason = Reason.TOKEN
    stranger = Client(2, Transport.UNIX, Outbox(etx_frame, 1000, lambda: None))
    for client in (named, stranger):
        clients.add(client)
    clients.identify(named, Identity("Mainsail", "2.12", "web", "http://x"))
    outbox.reply(b"12345")
    found = listed(clients, Caller(Transport.WEBSOCKET, connection_id=1))
    assert found.connection_id == 1
    assert found.connections == [
        ConnectedClient(
            1,
            "websocket",
            "10.0.0.7",
            True,
            "ann",
            "operate",
            "access_token",
            6,
            "Mainsail",
            "2.12",
            "web",
            "http://x",
        ),
        ConnectedClient(2, "unix", None, False, None, "admin", "local", 0),
    ]


def test_addresses_of_others_are_for_admins() -> None:
    caller = Caller(Transport.WEBSOCKET, role=Role.OPERATE)
    with pytest.raises(ClientError) as refused:
        listed(Clients(), caller)
    assert refused.value.status == 403
