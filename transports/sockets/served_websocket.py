"""One client of the primary websocket, from its handshake to the goodbye.

Plain sockets are read by the reader of all (`keep`) and need a task only while something waits:
for a call, for a client that reads slowly, for its turn. Others (TLS) are read in one of their own
(`run`).
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import trio

from mrk.clients.registry import Client
from mrk.websocket.events import Ending
from transports.sockets.client_session import ClientSession
from transports.sockets.kept_connection import KeptConnection
from transports.sockets.ping_clock import PingClock
from transports.sockets.socket_reader import SocketReader
from transports.sockets.websocket_stream import WebsocketStream

# Of one message, as of a body over HTTP: log-in and identification are small.
UNAUTHORIZED_MESSAGE_BYTES = 64 * 1024


class KeptHome(Protocol):
    """Who keeps websockets: their reader, their tasks, and the end of each."""

    @property
    def reader(self) -> SocketReader: ...
    @property
    def nursery(self) -> trio.Nursery: ...
    def let_go(self, served: "ServedWebsocket") -> None: ...


class ServedWebsocket:
    """One client whose handshake succeeded.

    `when_over` is called at the very end of one that was kept: the stream may be closed.
    """

    __slots__ = (
        "_descriptor",
        "_home",
        "_left",
        "_most_bytes",
        "_pings",
        "client",
        "connection",
        "session",
        "when_over",
        "wire",
    )

    def __init__(
        self,
        wire: WebsocketStream,
        session: ClientSession,
        connection: KeptConnection,
        client: Client,
        pings: PingClock,
        most_bytes: int,
    ) -> None:
        self.wire = wire
        self.session = session
        self.connection = connection
        self.client = client
        self.when_over: Callable[[Any], None] = _nothing
        self._pings = pings
        self._most_bytes = most_bytes
        self._home: KeptHome | None = None
        self._descriptor = -1
        self._left = False

    # In a task of its own

    async def run(self) -> None:
        """Serve it until it is over."""
        try:
            await self.connection.run(self._read_on)
        finally:
            await self._goodbye()  # noqa: ASYNC102 - shielded there, with a deadline

    async def _read_on(self) -> Ending:
        wire = self.wire
        self._arrive()
        try:
            while not wire.ended and (chunk := await wire.receive()):
                self._bound_messages()
                await self._hear_rest(self._begun(chunk))
        finally:
            self.leave()
        return wire.ending

    # Without one

    def keep(self, home: KeptHome) -> None:
        """Serve it from now on, in tasks of `home` where one is needed.

        Whoever cancels those ends the connection, too.
        """
        self._home, self._descriptor = home, self.wire.descriptor
        self.connection.keep(self, home.nursery)
        self._arrive()
        self._watch()
        if self.wire.trailing:
            self.connection.step(self._hear_trailing)

    def read(self) -> None:
        """Something has come, or the client has gone."""
        self.connection.step(self._read_once)

    def _read_once(self) -> None:
        try:
            chunk = self.wire.take()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            chunk = b""
        if chunk:
            self._hear(chunk)
        elif chunk is not None:
            self.connection.end_in_turn(self.wire.ending)

    def _hear_trailing(self) -> None:
        chunk, self.wire.trailing = self.wire.trailing, b""
        self._hear(chunk)

    def _hear(self, chunk: bytes) -> None:
        """Answer what can be answered at once; the rest is for a task, and so is what follows."""
        session = self.session
        self._bound_messages()
        alone = self.wire.alone(chunk)
        if alone is not None and session.hear_alone(alone):
            self.wire.listens()
            return
        messages = self._begun(chunk)
        for message in messages:
            if message is not None and not session.hear_now(message):
                self._hear_later(messages, message)
                return
            if session.must_wait or self.wire.must_load:
                self._hear_later(messages, None)
                return
        self.wire.sender.flush()
        if not self._end_if_told():
            self.wire.listens()

    def _hear_later(
        self, messages: Iterator[str | bytes | None], first: str | bytes | None
    ) -> None:
        self.wire.sender.flush()
        self._forget()
        rest = partial(self._hear_in_task, messages, first)
        self.connection.start(rest, "messages")

    async def _hear_in_task(
        self, messages: Iterator[str | bytes | None], first: str | bytes | None
    ) -> None:
        self.session.begin_chunk()
        await self._hear_one(first)
        await self._hear_rest(messages)
        if not self._end_if_told() and not self._left:
            self._watch()

    def _end_if_told(self) -> bool:
        """Whether the client, or a fault of it, ended the connection."""
        if self.wire.ended:
            self.connection.end_in_turn(self.wire.ending)
        return self.wire.ended

    def _watch(self) -> None:
        assert self._home is not None, "not kept"
        self.wire.listens()
        self._home.reader.watch(self._descriptor, self)

    def _forget(self) -> None:
        if self._home is not None:
            self._home.reader.forget(self._descriptor)

    async def finish(self) -> None:
        """It has ended, and its tasks with it."""
        try:
            await self._goodbye()
        finally:
            if self._home is not None:
                self._home.let_go(self)
            self.when_over(self.wire.stream)

    # Both

    def _arrive(self) -> None:
        self.session.arrive()
        self._pings.add(self.connection, self.wire)

    def leave(self) -> None:
        """Hear it no more, and forget what it waits for: it is about to end."""
        if not self._left:
            self._left = True
            self._forget()
            self._pings.remove(self.connection)
            self.session.leave()

    def _begun(self, chunk: bytes) -> Iterator[str | bytes | None]:
        self.session.begin_chunk()
        return self.wire.messages(chunk)

    def _bound_messages(self) -> None:
        unauthorized = min(self._most_bytes, UNAUTHORIZED_MESSAGE_BYTES)
        self.wire.bound_messages(self._most_bytes if self.client.authorized else unauthorized)

    async def _hear_rest(self, messages: Iterator[str | bytes | None]) -> None:
        for message in messages:
            await self._hear_one(message)
        self.wire.sender.flush()

    async def _hear_one(self, message: str | bytes | None) -> None:
        if message is None:
            if self.wire.must_load:
                await self.wire.load()
            await self.session.give_way()
        else:
            await self.session.hear(message)

    async def _goodbye(self) -> None:
        """Say how it ended."""
        self.session.close()
        with trio.move_on_at(self.wire.sender.limit_goodbye(), shield=True):
            await self.wire.goodbye(self.connection.ending)
        self.connection.log()


def _nothing(_stream: object) -> None:
    pass
