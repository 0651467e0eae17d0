"""Clients that are connected now: who they are, and the way to notify them.

Transports add a client when it connects and remove it when it goes; subsystems broadcast
through `Clients` and never meet a transport. One instance per generation.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from mrk.access.accounts import Account
from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.api.notification import SharedMessage, notification
from mrk.clients.event_ring import EventRing
from mrk.clients.missed_events import MissedEvents
from mrk.clients.outbox import Outbox
from mrk.clients.send_batch import SendBatch
from mrk.clients.turns import Turns
from mrk.clients.waiting_total import WaitingTotal
from mrk.definitions.roles import Role

AGENT = "agent"
# An answer has left when its handler's task gives way; a batch of calls takes a little longer.
AFTER_ANSWER_S = 0.005


class Identity(msgspec.Struct, frozen=True):
    """What a client said of itself in `server.connection.identify`."""

    client_name: str
    version: str
    type: str
    url: str


class Client(msgspec.Struct, eq=False):
    """One open websocket or unix socket connection.

    `authorized` decides over calls and over notifications; it may change while connected, and
    `user`, `role` and `reason` with it. `trusted` as in `Caller`. With `replay` its notifications
    are numbered.
    """

    id: int
    transport: Transport
    outbox: Outbox
    address: str | None = None
    authorized: bool = False
    user: str | None = None
    role: Role = Role.ADMIN
    reason: Reason = Reason.LOCAL
    trusted: bool | None = None
    identity: Identity | None = None
    replay: bool = False

    def as_caller(self) -> Caller:
        """Who asks over this connection, as it is now."""
        return Caller(
            self.transport,
            self.authorized,
            self.id,
            self.address,
            self.user,
            self.role,
            self.reason,
            self.trusted,
        )


class Clients:
    """The registry of connected clients; `events` keeps what some of them may ask for later."""

    def __init__(self, events: EventRing | None = None) -> None:
        self.events = events or EventRing()
        self.send_batch = SendBatch()
        self.waiting = WaitingTotal()
        self.turns = Turns()
        self._clients: dict[int, Client] = {}
        self._departures: list[Callable[[int], None]] = []
        self._identifications: list[Callable[[Client], None]] = []
        self._revocations: list[Callable[[str, list[Client]], None]] = []
        self._role_changes: list[Callable[[str], None]] = []
        self._bound: dict[object, tuple[str, Role, Callable[[], None]]] = {}
        self._last_id = 0
        self._do_later: Callable[[Callable[[], None]], None] | None = None

    def next_id(self) -> int:
        """A connection id that was not used before in this generation."""
        self._last_id += 1
        return self._last_id

    def add(self, client: Client) -> None:
        """Let a new client be found and notified."""
        self._clients[client.id] = client

    def remove(self, client: Client) -> None:
        """Forget a client that is gone, and tell those who keep something for it."""
        if self._clients.pop(client.id, None) is not None:
            self._end_replay(client)
            for departed in self._departures:
                departed(client.id)

    def on_departure(self, departed: Callable[[int], None]) -> None:
        """Have `departed(connection_id)` called when a client goes."""
        self._departures.append(departed)

    def identify(self, client: Client, identity: Identity, heard: int | None = None) -> None:
        """Note who a client is, and tell those who care; with `heard` it wants replay."""
        client.identity = identity
        if heard is not None:
            self.replay(client, heard)
        for identified in self._identifications:
            identified(client)

    def on_identified(self, identified: Callable[[Client], None]) -> None:
        """Have `identified(client)` called when a client has said who it is."""
        self._identifications.append(identified)

    # Replay

    def replay(self, client: Client, heard: int) -> None:
        """Number a client's notifications from now on, and send those behind number `heard`.

        In order, behind what waits for it already; it is live once it has had them all.
        """
        if not client.replay:
            client.replay = True
            self.events.follow()
        self._catch_up(client, heard)

    def _catch_up(self, client: Client, heard: int) -> None:
        missed = MissedEvents(self.events, heard, _agent_name(client))
        if not missed.done:
            client.outbox.catch_up(missed)

    def _end_replay(self, client: Client) -> None:
        if client.replay:
            client.replay = False
            client.outbox.stop_catching_up()
            self.events.unfollow()

    # Who may do what

    def authorize(self, client: Client, account: Account, reason: Reason) -> None:
        """Let a connection act for an account from now on."""
        client.authorized = True
        client.user = account.username
        client.role = account.role
        client.reason = reason

    def change_role(self, username: str, role: Role) -> None:
        """Let the connections of a user do what `role` may; those that need more end."""
        for client in self:
            if client.user == username:
                client.role = role
        for name, needed, end in list(self._bound.values()):
            if name == username and role < needed:
                end()
        for changed in self._role_changes:
            changed(username)

    def on_role_changed(self, changed: Callable[[str], None]) -> None:
        """Have `changed(username)` called when a user's connections may do something else."""
        self._role_changes.append(changed)

    def revoke(self, username: str) -> None:
        """End what a user's connections may do, as after a log-out.

        A websocket gets what is queued for it already, and then nothing until it authenticates
        and identifies anew; a unix socket loses only the user.
        """
        theirs = [client for client in self if client.user == username]
        for client in theirs:
            if client.transport is Transport.UNIX:
                client.user, client.role, client.reason = None, Role.ADMIN, Reason.LOCAL
            else:
                self._shut_out(client, Reason.REVOKED)
        shut_out = [client for client in theirs if not client.authorized]
        for revoked in self._revocations:
            revoked(username, shut_out)
        for client in shut_out:
            client.identity = None
        for name, _needed, end in list(self._bound.values()):
            if name == username:
                end()

    def distrust(self, client: Client, reason: Reason) -> None:
        """End what one connection may do, as after bad credentials; a unix socket keeps it."""
        if client.transport is Transport.UNIX or not client.authorized:
            return
        self._shut_out(client, reason)
        for revoked in self._revocations:
            revoked("", [client])  # no other connection of the user is meant
        client.identity = None

    def _shut_out(self, client: Client, reason: Reason) -> None:
        client.authorized, client.user = False, None
        client.role, client.reason = Role.VIEW, reason
        client.outbox.drop_status()
        self._end_replay(client)

    def on_revoked(self, revoked: Callable[[str, list[Client]], None]) -> None:
        """Have `revoked(username, shut_out)` called when a user's connections are shut out."""
        self._revocations.append(revoked)

    @contextlib.contextmanager
    def bound_to(
        self, username: str | None, needed: Role, end: Callable[[], None]
    ) -> Iterator[None]:
        """Have `end` called when the user is shut out or may do less than `needed`.

        For connections that are no clients, or not yet.
        """
        key = object()
        if username is not None:
            self._bound[key] = (username, needed, end)
        try:
            yield
        finally:
            self._bound.pop(key, None)

    def get(self, connection_id: int | None) -> Client | None:
        """The client of that id while it is connected."""
        return None if connection_id is None else self._clients.get(connection_id)

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients.values()))

    def broadcast(self, method: str, params: list[Any] | None = None) -> None:
        """Send a notification to every authorized client."""
        self._send(notification(method, params))

    def broadcast_behind_answer(self, method: str, params: list[Any] | None = None) -> None:
        """The same for what a call changed: behind the answer of that call, as it is now."""
        message = notification(method, params)
        self.behind_answer(lambda: self._send(message))

    def behind_answer(self, tell: Callable[[], None]) -> None:
        """Have `tell()` called behind the answer of the call that is at work; it must not raise.

        In the order of these calls; at once where nobody is `on_later`.
        """
        if self._do_later is None:
            tell()
        else:
            self._do_later(tell)

    def on_later(self, do_later: Callable[[Callable[[], None]], None]) -> None:
        """Have `do_later(tell)` called for what is told behind an answer."""
        self._do_later = do_later

    def broadcast_klippy_state(self, method: str) -> None:
        """Send `notify_klippy_*`: status that happened before it must arrive before it."""
        for client in self._clients.values():
            if client.authorized:
                client.outbox.settle_status()
        self.broadcast(method)

    def broadcast_from(
        self, agent: Client, message: SharedMessage, most_waiting_bytes: int | None = None
    ) -> None:
        """Send an agent's notification to all but that agent.

        Who has more than `most_waiting_bytes` unread misses it, or, with replay, gets it later.
        """
        self._send(message, agent, most_waiting_bytes)

    def _send(
        self,
        message: SharedMessage,
        agent: Client | None = None,
        most_waiting_bytes: int | None = None,
    ) -> None:
        """Send an event: with its number to those who asked for that, as long as any are kept."""
        events, most = self.events, most_waiting_bytes
        with_number = events.record(message.payload, "" if agent is None else _agent_name(agent))
        with self.send_batch:
            for client in self._clients.values():
                if not client.authorized or client is agent:
                    continue
                slow = most is not None and client.outbox.waiting_bytes > most
                if with_number is None or not client.replay:
                    if not slow:
                        client.outbox.notify(message)
                elif not client.outbox.catching_up:
                    if slow:
                        self._catch_up(client, events.newest - 1)
                    else:
                        client.outbox.notify(with_number)


def _agent_name(client: Client) -> str:
    identity = client.identity
    return identity.client_name if identity is not None and identity.type == AGENT else ""
