"""Clients and agents around `AgentRegistry`, each speaking JSON-RPC as over a socket."""

import json
from typing import Any

import trio

from mrk.api.caller import Caller, Transport
from mrk.api.rpc import Rpc
from mrk.api.table import Table
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.klippy.remote_methods import RemoteMethod, RemoteMethods
from nurseries.extensions.agent_registry import AgentRegistry
from nurseries.extensions.endpoints import ExtensionEndpoints
from nurseries.server.connection_endpoints import Connections
from tests.fakes.accounts import FakeAccounts
from tests.fakes.no_klippy import NoKlippy

OUTBOX_BYTES = 4 * 1024 * 1024


class Macros(NoKlippy):
    """What Klipper's macros may call; the link without Klipper."""

    def __init__(self) -> None:
        self.methods = RemoteMethods()

    def register_remote_method(self, name: str, method: RemoteMethod) -> None:
        self.methods.register(name, method)

    def unregister_remote_method(self, name: str) -> None:
        self.methods.unregister(name)

    def call_by_macro(self, name: str, /, **params: Any) -> None:
        self.methods.bind(name, params)()


class House:
    def __init__(self) -> None:
        self.clients = Clients()
        self.macros = Macros()
        self.extensions = AgentRegistry(self.clients, self.macros)
        table = Table(
            [
                *ExtensionEndpoints(self.extensions).endpoints(),
                *Connections(self.clients, FakeAccounts()).endpoints(),
            ]
        )
        self.rpc = Rpc(table, trio.lowlevel.checkpoint, 100, self.extensions)

    def connect(self, authorized: bool = True) -> Client:
        outbox = Outbox(lambda payload: payload + b"\n", OUTBOX_BYTES, lambda: None)
        id_ = self.clients.next_id()
        client = Client(id_, Transport.WEBSOCKET, outbox, authorized=authorized)
        self.clients.add(client)
        return client

    def agent(self, name: str = "watch") -> Client:
        client = self.connect()
        identity = {"client_name": name, "version": "1", "type": "agent", "url": "http://x"}
        call = {"jsonrpc": "2.0", "method": "server.connection.identify", "params": identity}
        assert self.say(client, {**call, "id": 1}) is not None
        return client

    def say(self, client: Client, message: Any, transport: Transport | None = None) -> Any:
        """One message of a client; its reply, if that comes at once."""
        caller = Caller(transport or client.transport, client.authorized, client.id)
        reply = self.rpc.handle(json.dumps(message).encode(), lambda: caller)
        assert reply.pending is None
        return None if reply.value is None else json.loads(reply.value)

    async def ask(
        self,
        client: Client,
        method: str,
        params: dict[str, Any],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> Any:
        caller = Caller(client.transport, client.authorized, client.id)
        call = {"jsonrpc": "2.0", "method": method, "params": params, "id": "q"}
        outcome = self.rpc.handle(json.dumps(call).encode(), lambda: caller)
        task_status.started()
        reply = await outcome.wait()
        assert reply is not None
        return json.loads(reply)


def heard(client: Client) -> list[dict[str, Any]]:
    """Take what waits for a client."""
    return [json.loads(line) for line in client.outbox.take().splitlines()]


def events(client: Client) -> list[tuple[str, str, Any]]:
    """Of that, the events of agents: (agent, event, data)."""
    said = [m["params"][0] for m in heard(client) if m.get("method") == "notify_agent_event"]
    return [(event["agent"], event["event"], event.get("data")) for event in said]
