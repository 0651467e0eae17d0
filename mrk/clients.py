"""Clients that are connected now: who they are, and the way to notify them.

Transports add a client when it connects and remove it when it goes; subsystems broadcast
through `Clients` and never meet a transport. One instance per generation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mrk.access.roles import Role
from mrk.api.caller import Transport
from mrk.burst import Burst
from mrk.outbox import Outbox, notification


@dataclass(frozen=True, slots=True)
class Identity:
    """What a client said of itself in `server.connection.identify`."""

    client_name: str
    version: str
    type: str
    url: str


@dataclass(slots=True, eq=False)
class Client:
    """One open websocket or unix socket connection.

    `authorized` decides over calls and over notifications; it may change while connected.
    """

    id: int
    transport: Transport
    outbox: Outbox
    address: str | None = None
    authorized: bool = False
    user: str | None = None
    role: Role = Role.ADMIN
    identity: Identity | None = None


class Clients:
    """The registry of connected clients."""

    def __init__(self) -> None:
        self.burst = Burst()
        self._clients: dict[int, Client] = {}
        self._departures: list[Callable[[int], None]] = []
        self._identifications: list[Callable[[Client], None]] = []
        self._last_id = 0

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
            for departed in self._departures:
                departed(client.id)

    def on_departure(self, departed: Callable[[int], None]) -> None:
        """Have `departed(connection_id)` called when a client goes."""
        self._departures.append(departed)

    def identify(self, client: Client, identity: Identity) -> None:
        """Note who a client is, and tell those who care."""
        client.identity = identity
        for identified in self._identifications:
            identified(client)

    def on_identified(self, identified: Callable[[Client], None]) -> None:
        """Have `identified(client)` called when a client has said who it is."""
        self._identifications.append(identified)

    def get(self, connection_id: int | None) -> Client | None:
        """The client of that id while it is connected."""
        return None if connection_id is None else self._clients.get(connection_id)

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients.values()))

    def authorized_except(self, client: Client) -> Iterator[Client]:
        """All authorized clients but one."""
        return (other for other in self if other.authorized and other is not client)

    def broadcast(self, method: str, params: list[Any] | None = None) -> None:
        """Send a notification to every authorized client."""
        message = notification(method, params)
        with self.burst:
            for client in self._clients.values():
                if client.authorized:
                    client.outbox.notify(message)

    def broadcast_klippy_state(self, method: str) -> None:
        """Send `notify_klippy_*`: status that happened before it must arrive before it."""
        message = notification(method)
        with self.burst:
            for client in self._clients.values():
                if client.authorized:
                    client.outbox.notify_after_status(message)
