"""Lets open sockets feel at once what changed about users, and tells clients behind the answer.

A websocket that was shut out still gets the notification why.
"""

from collections.abc import Iterable
from typing import Protocol

from mrk.access.users import Change, Created, Deleted, KeyRevoked, LoggedOut, RoleChanged
from mrk.api.notification import notification
from mrk.clients.registry import Client, Clients
from mrk.definitions.roles import Role


class OpenSockets(Protocol):
    """Sockets that are connected now, by their user."""

    def end(self, username: str) -> list[Client]:
        """Shut out the sockets of a user, and return them; a unix socket only loses the user."""

    def change_role(self, username: str, role: Role) -> None:
        """Let the sockets of a user do as much as `role` may."""


class AccountAnnouncer:
    """`notify_user_*`, and what open sockets feel."""

    def __init__(self, clients: Clients, sockets: OpenSockets) -> None:
        self._clients = clients
        self._sockets = sockets

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
        self._clients.behind_answer(lambda: self._notify(what, username, shut_out))

    def _notify(self, what: str, username: str, shut_out: list[Client]) -> None:
        """`notify_user_<what>`, also for the websockets that were shut out."""
        method, params = f"notify_user_{what}", [{"username": username}]
        self._clients.broadcast(method, params)
        message = notification(method, params)
        with self._clients.send_batch:
            for client in shut_out:
                # Who logged in again meanwhile was told with everybody.
                if not client.authorized and self._clients.get(client.id) is client:
                    client.outbox.notify(message)
