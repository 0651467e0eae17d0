"""The agents connected now: what they may do, and how calls are relayed to them.

Agents are clients that identified as such. Owns what is kept for each of them, from its
identification to its departure; no task of its own: relayed calls wait in their callers' requests.
"""

import logging
from typing import Any

import msgspec
import trio

from mrk.api.caller import SOCKETS, Caller
from mrk.api.jsonrpc import RpcAnswer
from mrk.api.notification import notification
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.extensions.relay import agent_call, checked_arguments
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.remote_methods import RemoteMethod
from mrk.log.throttle import LogThrottle
from nurseries.extensions.agent import MOST_METHODS, MOST_WAITING_BYTES, Agent, call_ids

logger = logging.getLogger(__name__)

RESERVED_EVENTS = frozenset({"connected", "disconnected"})
NAME_CHARS = 200


class AgentInfo(msgspec.Struct, frozen=True):
    """One connected agent, as it identified itself."""

    name: str
    version: str
    type: str
    url: str


class AgentRegistry:
    """The agents connected now."""

    def __init__(self, clients: Clients, klippy: KlippyPort) -> None:
        self._clients = clients
        self._klippy = klippy
        self._ids = call_ids()
        self._agents: dict[int, Agent] = {}
        self._throttle = LogThrottle()
        clients.on_identified(self._on_identified)
        clients.on_departure(self._on_departure)
        clients.on_revoked(self._on_revoked)
        clients.on_role_changed(self._on_role_changed)

    # What clients ask

    def infos(self) -> list[AgentInfo]:
        """Every agent as it identified itself."""
        return [_info(agent.client) for agent in self._agents.values()]

    async def call(self, agent_name: str, method: str, arguments: object) -> Any:
        """The agent's result, any JSON; raises what `Agent.call` does, and `ClientError` 400."""
        checked = checked_arguments(arguments)
        for agent in self._agents.values():
            if agent.name == agent_name:
                return await agent.call(method, checked)
        raise ClientError(f"Agent '{agent_name[:NAME_CHARS]}' is not connected")

    # What agents ask

    def send_event(self, caller: Caller, name: str, data: object) -> None:
        """Hand an agent's event to all other clients; `data` is any JSON.

        Raises `ClientError`: 400 for others than agents and for reserved names, 413 for an event
        that is too large, 429 for too many.
        """
        agent = self._agent(caller)
        if not name or name in RESERVED_EVENTS:
            raise ClientError(f"Event name '{name}' is reserved")
        event: dict[str, object] = {"agent": agent.name, "event": name}
        if data is not None:
            event["data"] = data
        message = notification("notify_agent_event", [event])
        agent.spend(message)
        # Who reads slowly misses events of agents rather than losing its connection.
        self._clients.broadcast_from(agent.client, message, MOST_WAITING_BYTES)

    def register_remote_method(self, caller: Caller, name: str) -> None:
        """Let macros call a method of the agent until it leaves.

        Raises `ClientError` 400 for others than agents and for a name that is taken.
        """
        agent = self._agent(caller)
        if not name or len(name) > NAME_CHARS:
            raise ClientError(f"Argument 'method_name': 1 to {NAME_CHARS} characters expected")
        if len(agent.methods) >= MOST_METHODS:
            raise ClientError(f"{agent.name} has registered {MOST_METHODS} methods, the limit")
        self._klippy.register_remote_method(name, self._forward(agent, name))
        agent.methods.append(name)

    def _forward(self, agent: Agent, name: str) -> RemoteMethod:
        def forward(**params: Any) -> None:
            if not agent.overrun:
                agent.client.outbox.notify(agent_call(name, params))
                return
            said = f"agent {agent.name} does not read: calls of {name} are dropped"
            self._throttle.log(logger, said, trio.current_time())

        return forward

    def _agent(self, caller: Caller) -> Agent:
        agent = self._agents.get(caller.connection_id or 0)
        if agent is None:
            raise ClientError("Only a client that identified as an agent may do this")
        return agent

    # What happens to agents

    def on_answer(self, answer: RpcAnswer, caller: Caller) -> bool:
        """A client's response; dropped unless that very connection owes it."""
        # Over HTTP a caller may name another's connection, so only sockets answer.
        agent = self._agents.get(caller.connection_id or 0)
        if caller.transport in SOCKETS and agent is not None and agent.on_answer(answer):
            return True
        logger.debug("dropped a response with unknown id %.100r", answer.id)
        return False

    def _on_identified(self, client: Client) -> None:
        identity = client.identity
        if identity is None or identity.type != "agent":
            return
        self._agents[client.id] = Agent(client, identity.client_name, self._ids)
        self._announce(client, identity.client_name, "connected", {"data": _info(client)})

    def _on_departure(self, connection_id: int) -> None:
        agent = self._agents.pop(connection_id, None)
        if agent is None:
            return
        for name in agent.methods:
            self._klippy.unregister_remote_method(name)
        agent.leave()
        self._announce(agent.client, agent.name, "disconnected", {})

    def _on_revoked(self, _username: str, shut_out: list[Client]) -> None:
        for client in shut_out:
            self._on_departure(client.id)

    def _on_role_changed(self, _username: str) -> None:
        """Who may only look is no agent any more, until it identifies anew."""
        for connection_id, agent in list(self._agents.items()):
            if agent.client.role < Role.OPERATE:
                self._on_departure(connection_id)
                agent.client.identity = None

    def _announce(self, agent: Client, name: str, event: str, data: dict[str, Any]) -> None:
        message = notification("notify_agent_event", [{"agent": name, "event": event, **data}])
        self._clients.broadcast_from(agent, message)


def _info(client: Client) -> AgentInfo:
    identity = client.identity
    assert identity is not None
    return AgentInfo(identity.client_name, identity.version, identity.type, identity.url)
