"""Who may open a websocket: handshake, origin and number of connections, primary and bridge alike.

One instance per generation, shared by both; event streams count among them. Refusals are answered
as JSON before the door closes.
"""

import contextlib
from collections.abc import Iterable

import trio

from mrk.access.address import counted_as
from mrk.access.decision import Decision
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.access.trusted_clients import LOOPBACK, is_trusted
from mrk.api.caller import Transport
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.definitions.limits import Limits
from mrk.errors import AccessDenied, ClientError
from mrk.http.head import RequestHead
from mrk.http.response import reason_phrase
from mrk.metrics.request_counts import Tally
from mrk.websocket.handshake import accept_upgrade, refusal


def admitted_client(
    clients: Clients, transport: Transport, outbox: Outbox, address: str, decision: Decision
) -> Client:
    """A new client as the decision has it, not in the registry yet."""
    return Client(
        clients.next_id(),
        transport,
        outbox,
        address=address,
        authorized=decision.authorized,
        # An expired token names a user, but makes nobody one.
        user=decision.user if decision.authorized else None,
        role=decision.role,
        reason=decision.reason,
        trusted=decision.trusted,
    )


# One part in so many is for others than the address that has most of them.
_KEPT_PART = 10


def count_of(address: str, clients: Iterable[Client]) -> int:
    """How many of these clients are of an address."""
    own = counted_as(address)
    return sum(counted_as(client.address or "") == own for client in clients)


class WebsocketAdmission:
    """`authorizer` decides about a handshake's origin, host and credentials.

    `clients` says who has how many, `answered` counts handshakes by status. Inside of it as a
    context one counts as a connection.
    """

    def __init__(
        self,
        limits: Limits,
        authorizer: RequestAuthorizer,
        clients: Clients,
        answered: Tally | None = None,
    ) -> None:
        self._authorizer = authorizer
        self._clients = clients
        self._limits = limits
        self._answered = Tally() if answered is None else answered
        self._open = 0

    @property
    def connections(self) -> int:
        """Websockets and event streams open now."""
        return self._open

    def accept(self, head: RequestHead) -> bytes:
        """Return the 101 response; raises `ClientError` 400, 403, 426 or 503."""
        response = accept_upgrade(head)
        if not self._authorizer.allows_socket(head):
            origin = reason_phrase(head.header("origin") or "")
            raise AccessDenied(
                f"Origin {origin} is not allowed to open websockets: add it to cors_domains in "
                "[authorization], if the page is yours",
                403,
            )
        self.check_space(head.address)
        return response

    def check_space(self, address: str) -> None:
        """Raise `ClientError` 503 when all, or the client's address, have as many as may be."""
        limits = self._limits
        if self._open >= limits.websockets:
            raise ClientError(f"All {limits.websockets} websocket connections are taken", 503)
        # One who may only look must not keep the owner out.
        most = limits.websockets - limits.websockets // _KEPT_PART
        if self._open < most or is_trusted(address, LOOPBACK):
            return
        if count_of(address, self._clients) >= most:
            raise ClientError(f"Your address has {most} websocket connections, the limit", 503)

    def decide(self, head: RequestHead) -> Decision:
        """Who opens a socket.

        Nobody is refused here: over a socket that is open a client can log in, and a browser tells
        its page nothing of a handshake that failed.
        """
        # Whose page it is was decided above, by its origin: browsers send it with each handshake.
        return self._authorizer.decide(head, changing=False)

    def upgrading(self) -> None:
        """A handshake is answered with what `accept` returned."""
        self._answered[101] += 1

    def enter(self) -> None:
        """One more is open; `leave` once it is not."""
        self._open += 1

    def leave(self) -> None:
        """One that has entered is over."""
        self._open -= 1

    def __enter__(self) -> None:
        self.enter()

    def __exit__(self, *_error: object) -> None:
        self.leave()

    async def refuse(self, stream: trio.abc.Stream, head: RequestHead, error: ClientError) -> None:
        """Answer a handshake that failed; a client that does not read it is left."""
        self._authorizer.refused(head.address, error)
        self._answered[error.status] += 1
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            with trio.move_on_after(self._limits.send_s):
                await stream.send_all(refusal(error))
