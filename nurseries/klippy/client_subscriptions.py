"""Clients' subscriptions to printer objects.

Status goes to clients straight from the link's reader, through `ClientReader`. Owns one reader per
client, until the client leaves or is shut out; no task.
"""

from collections.abc import Mapping
from typing import Any

import trio

from mrk.access.reasons import Reason
from mrk.api.caller import Caller, Transport
from mrk.clients.registry import Client, Clients
from mrk.errors import ClientError
from mrk.klippy.klippy_protocols import KlippyRequests
from mrk.status.subscriptions import check_size, wanted
from mrk.status.update import StatusUpdate

# A client can ask again; subsystems wait as long as the link holds.
SUBSCRIBE_LIMIT_S = 20.0


class ClientReader:
    """A client as a subscriber: changes go to its outbox while it may see them.

    `user` is who subscribed, over HTTP not always the socket's own.
    """

    __slots__ = ("client", "open", "user")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.user: str | None = None
        self.open = True

    def push_status(self, update: StatusUpdate) -> None:
        """Called by the link's reader for every change of what the client subscribed to."""
        if self.client.authorized:
            self.client.outbox.status(update)


class ClientSubscriptions:
    """Who subscribed to what; one subscription per client, replaced by the next."""

    def __init__(self, klippy: KlippyRequests, clients: Clients) -> None:
        self._klippy = klippy
        self._clients = clients
        self._readers: dict[int, ClientReader] = {}
        clients.on_departure(self._forget)
        clients.on_revoked(self._on_revoked)

    async def subscribe(self, objects: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Replace the caller's subscription; returns its initial state.

        Raises `ClientError`: 500 when Klipper does not answer within 20 s.
        """
        client = self._subscriber(caller)
        if caller.transport is not Transport.HTTP and not client.authorized:
            raise Reason.REVOKED.denied_call(caller.address)  # shut out since the call was accepted
        size_bytes = check_size(objects)
        reader = self._readers.setdefault(client.id, ClientReader(client))
        client.outbox.keep_subscription(size_bytes)
        reader.user = caller.user
        try:
            with trio.fail_after(SUBSCRIBE_LIMIT_S):
                answer = await self._klippy.subscribe_reader(reader, wanted(objects))
        except trio.TooSlowError:
            raise ClientError("Klippy did not answer the subscription in time", 500) from None
        if not reader.open and client in self._clients:
            raise Reason.REVOKED.denied_call(caller.address)  # shut out while Klipper was asked
        # The answer holds newer values than whatever waits in the outbox. No await from here
        # to the reply: an update that comes now must follow it.
        client.outbox.drop_status()
        return answer

    def _subscriber(self, caller: Caller) -> Client:
        client = self._clients.get(caller.connection_id)
        if client is None:
            raise ClientError("A subscription needs the connection_id of an open websocket")
        if caller.transport is not Transport.HTTP:
            return client
        if client.transport is not Transport.WEBSOCKET:
            raise ClientError("connection_id does not belong to a websocket")
        # Ids are easily guessed, and a subscription replaces the one before.
        same_user = caller.user is not None and client.user == caller.user
        if not same_user and client.address != caller.address:
            raise ClientError("connection_id belongs to the websocket of somebody else", 403)
        return client

    def _forget(self, connection_id: int) -> None:
        reader = self._readers.pop(connection_id, None)
        if reader is not None:
            reader.open = False
            reader.client.outbox.keep_subscription(0)
            self._klippy.unsubscribe_reader(reader)

    def _on_revoked(self, username: str, shut_out: list[Client]) -> None:
        for reader in list(self._readers.values()):
            client = reader.client
            theirs = reader.user == username and client.transport is not Transport.UNIX
            if theirs or client in shut_out:
                client.outbox.drop_status()
                self._forget(client.id)
