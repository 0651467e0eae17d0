"""Lets open sockets feel at once what changed about users, and tells clients behind the answer.

Run by `Authorization.serve`. A websocket that was shut out still gets the notification why.
"""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec
import trio

from mrk.access.users import Change, Created, Deleted, KeyRevoked, LoggedOut, RoleChanged
from mrk.api.notification import notification
from mrk.clients.registry import AFTER_ANSWER_S, Client, Clients
from mrk.definitions.roles import Role

# More changes at once are told without waiting for answers.
MOST_WAITING = 100


class OpenSockets(Protocol):
    """Sockets that are connected now, by their user."""

    def end(self, username: str) -> list[Client]:
        """Shut out the sockets of a user, and return them; a unix socket only loses the user."""

    def change_role(self, username: str, role: Role) -> None:
        """Let the sockets of a user do as much as `role` may."""


class _Notice(msgspec.Struct, frozen=True):
    """`notify_user_<what>`, due at a time, also for the websockets that were shut out."""

    due_s: float
    what: str
    username: str
    shut_out: list[Client]


class AccountAnnouncer:
    """`notify_user_*`, and what open sockets feel."""

    def __init__(self, clients: Clients, sockets: OpenSockets) -> None:
        self._clients = clients
        self._sockets = sockets
        self._waiting: deque[_Notice] = deque()
        self._wake = trio.Event()

    def take(self, changes: Iterable[Change]) -> None:
        """Have changes felt now, and told soon, in order."""
        for change in changes:
            match change:
                case Created(username):
                    self._tell("created", username, [])
                case LoggedOut(username):
                    self._tell("logged_out", username, self._sockets.end(username))
                case Deleted(username):
                    self._tell("deleted", username, self._sockets.end(username))
                case KeyRevoked(username):
                    self._sockets.end(username)
                case RoleChanged(username, role):
                    self._sockets.change_role(username, role)

    def _tell(self, what: str, username: str, shut_out: list[Client]) -> None:
        due_s = trio.current_time() + AFTER_ANSWER_S
        self._waiting.append(_Notice(due_s, what, username, shut_out))
        if len(self._waiting) > MOST_WAITING:
            self._notify(self._waiting.popleft())
        self._wake.set()

    async def serve(self) -> None:
        """Tell what waits; returns only when cancelled."""
        while True:
            while self._waiting:
                await trio.sleep_until(self._waiting[0].due_s)
                # It may have been told meanwhile, for want of room.
                if self._waiting and self._waiting[0].due_s <= trio.current_time():
                    self._notify(self._waiting.popleft())
            self._wake = trio.Event()
            await self._wake.wait()

    def _notify(self, notice: _Notice) -> None:
        method, params = f"notify_user_{notice.what}", [{"username": notice.username}]
        self._clients.broadcast(method, params)
        message = notification(method, params)
        with self._clients.send_batch:
            for client in notice.shut_out:
                # Who logged in again meanwhile was told with everybody.
                if not client.authorized and self._clients.get(client.id) is client:
                    client.outbox.notify(message)
