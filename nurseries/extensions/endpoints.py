"""server.extensions.*, connection.send_event and connection.register_remote_method."""

from typing import Any

import msgspec

from mrk.api.caller import SOCKETS, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from nurseries.extensions.agent_registry import AgentInfo, AgentRegistry


class AgentList(msgspec.Struct, frozen=True):
    """The answer of server.extensions.list."""

    agents: list[AgentInfo]


class RequestParams(msgspec.Struct, frozen=True):
    """A call to relay; `arguments` is an array, an object or null."""

    agent: str
    method: str
    arguments: object = None


class EventParams(msgspec.Struct, frozen=True):
    """An agent's event; `data` is any JSON."""

    event: str
    data: object = None


class MethodParams(msgspec.Struct, frozen=True):
    """The name that macros call."""

    method_name: str


class ExtensionEndpoints:
    """The declarations and handlers."""

    def __init__(self, agents: AgentRegistry) -> None:
        self._agents = agents

    def endpoints(self) -> list[Endpoint]:
        """What clients and agents may ask."""
        return [
            get(
                "/server/extensions/list",
                self.list_agents,
                "The agents connected now.",
                Access.VIEW,
                result=AgentList,
            ),
            post(
                "/server/extensions/request",
                self.request,
                "Call a method of an agent, and return its result.",
                Access.OPERATE,
                RequestParams,
            ),
            post(
                "/connection/send_event",
                self.send_event,
                "Agents only: send an event to all other clients.",
                Access.OPERATE,
                EventParams,
                str,
                transports=SOCKETS,
                http=False,
            ),
            post(
                "/connection/register_remote_method",
                self.register_remote_method,
                "Agents only: let Klipper's macros call a method of the agent.",
                Access.OPERATE,
                MethodParams,
                str,
                transports=SOCKETS,
                http=False,
            ),
        ]

    def list_agents(self, _params: NoParams, _caller: Caller) -> AgentList:
        """Every agent as it identified itself."""
        return AgentList(self._agents.infos())

    async def request(self, params: RequestParams, _caller: Caller) -> Any:
        """The agent's result, any JSON."""
        return await self._agents.call(params.agent, params.method, params.arguments)

    def send_event(self, params: EventParams, caller: Caller) -> str:
        """For agents alone; raises `ClientError` 400, 413 or 429."""
        self._agents.send_event(caller, params.event, params.data)
        return "ok"

    def register_remote_method(self, params: MethodParams, caller: Caller) -> str:
        """For agents alone; raises `ClientError` 400."""
        self._agents.register_remote_method(caller, params.method_name)
        return "ok"
