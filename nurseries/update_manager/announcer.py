"""Tells clients how an update goes: notify_update_response and notify_update_refreshed."""

import itertools
import logging

import msgspec

from mrk.clients.registry import Clients

logger = logging.getLogger(__name__)


class UpdateResponse(msgspec.Struct, frozen=True):
    """One line of an update; `proc_id` is the same for all lines of one request."""

    application: str
    proc_id: int
    message: str
    complete: bool


class Progress:
    """The lines of one request. The last one, and only that, is complete."""

    def __init__(self, clients: Clients, application: str, proc_id: int) -> None:
        self._clients = clients
        self._application = application
        self._proc_id = proc_id
        self.has_begun = False

    def tell(self, message: str) -> None:
        """`Tell`."""
        self._say(message, complete=False)

    def finish(self, message: str) -> None:
        """The last line."""
        self._say(message, complete=True)

    def fail(self, reason: str) -> None:
        """The reason has a line of its own: not every front end shows the last one."""
        self._say(f"Error: {reason}", complete=False)
        self._say(f"{self._application}: Failed", complete=True)

    def _say(self, message: str, *, complete: bool) -> None:
        self.has_begun = True
        logger.info("%s: %s", self._application, message)
        response = UpdateResponse(self._application, self._proc_id, message, complete)
        self._clients.broadcast("notify_update_response", [response])


class UpdateAnnouncer:
    """Makes an `Progress` for each request."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._numbers = itertools.count(1)

    def begin(self, application: str) -> Progress:
        """`application` is an item's name, `full`, `recover_<name>` or `rollback_<name>`."""
        return Progress(self._clients, application, next(self._numbers))

    def refreshed(self, status: object) -> None:
        """A refresh has finished."""
        self._clients.broadcast_behind_answer("notify_update_refreshed", [status])
