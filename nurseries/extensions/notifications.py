"""What clients are sent of agents, for the documents of the API."""

from typing import Any

import msgspec

from mrk.api.notification import NotificationKind


class AgentEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """`data` is the agent's own; its identity when it connected."""

    agent: str
    event: str
    data: Any = None


NOTIFICATIONS = (
    NotificationKind(
        "notify_agent_event",
        (AgentEvent,),
        "An agent connected, left, or sent an event; the agent itself is not told.",
    ),
)
