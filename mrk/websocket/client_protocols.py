"""Outgoing websockets, as subsystems see them; `nurseries/websocket_client` opens them."""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from mrk.errors import Transient


class WebsocketFailed(Transient):
    """A websocket cannot be had, or is lost. The text does not hold its address."""


class WebsocketConnection(Protocol):
    """An open websocket; the caller puts deadlines round its calls, which raise
    `WebsocketFailed`."""

    async def receive(self) -> str | bytes:
        """The next message."""

    async def send(self, message: str) -> None:
        """Send a text message."""

    async def ping(self) -> None:
        """Returns when the ping was answered."""


class Websockets(Protocol):
    """Opens websockets."""

    def opened(
        self, url: str, *, most_bytes: int, waiting: int = 64, local: bool = False
    ) -> AbstractAsyncContextManager[WebsocketConnection]:
        """A block in which a ws or wss URL is open; at its end it is closed, politely for 0.2 s.

        A message of more than `most_bytes` ends it, `waiting` of them may wait to be received.
        `local` is for devices on the user's own network: any certificate. Errors of the block come
        out as a group.
        """
