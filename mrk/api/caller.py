"""Who asks: the small record that endpoint handlers see instead of a transport."""

import enum

import msgspec

from mrk.access.reasons import Reason
from mrk.access.role_needed import role_needed
from mrk.definitions.roles import Role
from mrk.errors import AccessDenied


class Transport(enum.StrEnum):
    """The ways a call can come in; an endpoint names those it is offered on.

    `EVENTS` is how a client only listens.
    """

    HTTP = "http"
    HTTP_RPC = "http_rpc"  # JSON-RPC in the body of POST /server/jsonrpc
    WEBSOCKET = "websocket"
    UNIX = "unix"
    MQTT = "mqtt"
    INTERNAL = "internal"
    EVENTS = "events"


EVERYWHERE = frozenset(Transport) - {Transport.EVENTS}
# For what must be bound to a user: callers over MQTT are all one.
NOT_OVER_MQTT = EVERYWHERE - {Transport.MQTT}
SOCKETS = frozenset({Transport.WEBSOCKET, Transport.UNIX})


class Caller(msgspec.Struct, frozen=True):
    """One call's origin.

    `connection_id` names an open websocket or unix socket connection: the caller's own, or, over
    HTTP, the websocket that the request acts for. `address` is the peer as the trusted-proxy
    rule sees it, None on the unix socket. `authorized` is the decision about the request or the
    connection, and `reason` says why; `role` bounds what an authorized caller may do. `trusted`
    says that the address is on the list, None where there is none.
    """

    transport: Transport
    authorized: bool = True
    connection_id: int | None = None
    address: str | None = None
    user: str | None = None
    role: Role = Role.ADMIN
    reason: Reason = Reason.LOCAL
    trusted: bool | None = None

    @property
    def who(self) -> str:
        """For people: the address, or the way in where there is none."""
        return self.address or self.transport.value

    def refusal(self) -> AccessDenied:
        """What a caller who is not authorized is told."""
        return self.reason.denied_call(self.address)

    def require(self, needed: Role, what: str) -> None:
        """Raise `ClientError` 403 when the role does not suffice for `what`."""
        if self.role < needed:
            raise role_needed(needed, self.role, what)


INTERNAL_CALLER = Caller(Transport.INTERNAL)
