"""Tells clients of users, behind the answer of who changed them, and then shuts sockets out.

Run by `Authorization.serve`. Tokens and keys end at once; an open socket of their user ends here,
because it still gets the notification.
"""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import trio

from mrk.access.roles import Role
from mrk.access.users import Change, Created, Deleted, KeyRevoked, LoggedOut, RoleChanged
from mrk.clients import Clients

# An answer has left when its handler's task gives way; a batch of calls takes a little longer.
AFTER_ANSWER_S = 0.005
# More changes at once are told without waiting for answers.
MOST_WAITING = 100


class OpenSockets(Protocol):
    """Sockets that are connected now, by their user."""

    def end(self, username: str) -> None:
        """Shut out the sockets of a user; a unix socket only loses the user."""

    def change_role(self, username: str, role: Role) -> None:
        """Let the sockets of a user do as much as `role` may."""


class Announcer:
    """`notify_user_*`, and what follows for open sockets."""

    def __init__(self, clients: Clients, sockets: OpenSockets) -> None:
        self._clients = clients
        self._sockets = sockets
        self._waiting: deque[tuple[float, Change]] = deque()
        self._wake = trio.Event()

    def tell(self, changes: Iterable[Change]) -> None:
        """Have changes told soon, in order."""
        due = trio.current_time() + AFTER_ANSWER_S
        for change in changes:
            self._waiting.append((due, change))
        while len(self._waiting) > MOST_WAITING:
            self._perform(self._waiting.popleft()[1])
        self._wake.set()

    async def serve(self) -> None:
        """Tell what waits; returns only when cancelled."""
        while True:
            while self._waiting:
                await trio.sleep_until(self._waiting[0][0])
                # It may have been told meanwhile, for want of room.
                if self._waiting and self._waiting[0][0] <= trio.current_time():
                    self._perform(self._waiting.popleft()[1])
            self._wake = trio.Event()
            await self._wake.wait()

    def _perform(self, change: Change) -> None:
        match change:
            case Created(username):
                self._notify("created", username)
            case LoggedOut(username):
                self._notify("logged_out", username)
                self._sockets.end(username)
            case Deleted(username):
                self._notify("deleted", username)
                self._sockets.end(username)
            case KeyRevoked(username):
                self._sockets.end(username)
            case RoleChanged(username, role):
                self._sockets.change_role(username, role)

    def _notify(self, what: str, username: str) -> None:
        self._clients.broadcast(f"notify_user_{what}", [{"username": username}])
