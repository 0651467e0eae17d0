"""Spoolman on loopback sockets: real HTTP and websockets, with the faults of a bad day.

Answers, order of event and response, close codes and refused handshakes are those of the recorded
server (tests/data/spoolman, `spoolman_rules.py`).
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import h11
import msgspec
import trio
import trio.testing
import wsproto
from wsproto.connection import ConnectionType
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Ping,
    RejectConnection,
    RejectData,
    TextMessage,
)

from tests.fakes.spoolman_http import Fault
from tests.fakes.spoolman_rules import PAGE, Answer, SpoolmanRules

IDLE_S = 5.0
GONE = (OSError, trio.BrokenResourceError, trio.ClosedResourceError)
ROOT, KIND = "/api/v1/", "/api/v1/spool"


@dataclass(eq=False)
class Socket:
    """One websocket; a `silent` one is open and never answers, as that of a frozen host."""

    stream: trio.SocketStream
    wire: wsproto.WSConnection
    path: str
    told_of_ping: Callable[[], None]
    silent: bool = False
    received: list[str] = field(default_factory=list)
    sending: trio.Lock = field(default_factory=trio.Lock)

    async def send(self, event: Any) -> None:
        if not self.silent:
            with suppress(*GONE, wsproto.utilities.LocalProtocolError):
                async with self.sending:
                    await self.stream.send_all(self.wire.send(event))

    async def run(self) -> None:
        while True:
            data = await self.stream.receive_some()
            self.wire.receive_data(data or None)
            for event in self.wire.events():
                match event:
                    case Ping():
                        self.told_of_ping()
                        await self.send(event.response())
                    case TextMessage(data=text):
                        self.received.append(text)
                        await self.send(TextMessage('{"status": "healthy"}'))
                    case CloseConnection():
                        await self.send(event.response())
                        return
            if not data:
                return


class Spoolman:
    """`faults` are those of the next uses; `delay_s` holds every answer back, before it counts."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.rules = SpoolmanRules(now=lambda: f"t{int(trio.current_time() * 1000)}")
        self.faults: deque[Fault] = deque()
        self.delay_s = 0.0
        self.page_only = False
        self.broken = False
        self.replies: dict[str, Answer] = {}
        self.sockets: list[Socket] = []
        self.requests: list[str] = []
        self.pings = 0
        self.port = 0
        self.changed = trio.Event()
        self._nursery = nursery
        self._scope = trio.CancelScope()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen (again), on the same port."""
        self._scope = trio.CancelScope()
        listeners = await trio.open_tcp_listeners(self.port, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        self._nursery.start_soon(self._serve, listeners)

    async def stop(self) -> None:
        """As at SIGTERM: websockets get 1012, nobody can connect."""
        for socket in self.sockets:
            await socket.send(CloseConnection(code=1012))
        self.kill()
        await trio.testing.wait_all_tasks_blocked()

    def kill(self) -> None:
        """As at SIGKILL: connections end, without a word."""
        self._scope.cancel()

    async def close_sockets(self, code: int, reason: str = "") -> None:
        for socket in list(self.sockets):
            await socket.send(CloseConnection(code=code, reason=reason))

    async def wait(self, condition: Any) -> None:
        """Until `condition()` holds; it is looked at after each request and socket."""
        while not condition():
            self.changed = trio.Event()
            await self.changed.wait()

    def _note_ping(self) -> None:
        self.pings += 1
        self.tell()

    def tell(self) -> None:
        self.changed.set()

    async def _serve(self, listeners: list[trio.SocketListener]) -> None:
        with self._scope:
            await trio.serve_listeners(self._connection, listeners)

    async def _connection(self, stream: trio.SocketStream) -> None:
        wire = h11.Connection(h11.SERVER)
        try:
            with suppress(*GONE, h11.RemoteProtocolError):
                while await self._exchange(stream, wire):
                    wire.start_next_cycle()
        finally:
            await trio.aclose_forcefully(stream)

    async def _exchange(self, stream: trio.SocketStream, wire: h11.Connection) -> bool:
        """One request; whether the connection goes on."""
        body = b""
        request = None
        while True:
            event = wire.next_event()
            if event is h11.NEED_DATA:
                data = b""
                with trio.move_on_after(IDLE_S):
                    data = await stream.receive_some()
                wire.receive_data(data)
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.ConnectionClosed):
                return False
            else:  # the request's end, or an upgrade
                break
        assert request is not None
        headers = {name.decode().lower(): value.decode() for name, value in request.headers}
        target = request.target.decode()
        self.requests.append(f"{request.method.decode()} {target}")
        if headers.get("upgrade", "").lower() == "websocket":
            await self._websocket(stream, request)
            return False
        answer = await self._answer(request.method.decode(), target, body, headers)
        self.tell()
        if answer is None:
            return False
        await _respond(stream, wire, answer)
        return wire.our_state is h11.DONE

    async def _answer(
        self, verb: str, target: str, body: bytes, headers: dict[str, str]
    ) -> Answer | None:
        await trio.sleep(self.delay_s)
        if self.page_only:
            return PAGE
        if self.broken:
            return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
        if target in self.replies:
            return self.replies[target]
        fault = Fault.NONE
        if verb == "PUT" and target.endswith("/use") and self.faults:
            fault = self.faults.popleft()
        if fault in (Fault.LOST_BEFORE, Fault.HUNG_BEFORE, Fault.COUNTED_LATE):
            return None
        if fault is Fault.BROKEN:
            return Answer(500, b"Internal Server Error", "text/plain; charset=utf-8")
        answer = self.rules.answer(verb, target, body, headers.get("content-type", ""))
        # The event goes first, after commit.
        await self.send_events()
        return None if fault in (Fault.LOST_AFTER, Fault.HUNG_AFTER) else answer

    async def send_events(self) -> None:
        """What the rules have to tell since the last time."""
        events, self.rules.events = self.rules.events, []
        for event in events:
            text = msgspec.json.encode(event).decode()
            for socket in list(self.sockets):
                if socket.path in (ROOT, KIND, f"{KIND}/{event['payload']['id']}"):
                    await socket.send(TextMessage(text))

    async def _websocket(self, stream: trio.SocketStream, request: h11.Request) -> None:
        wire = wsproto.WSConnection(ConnectionType.SERVER)
        target = request.target.decode()
        wire.initiate_upgrade_connection(list(request.headers), target)
        list(wire.events())
        kind_id = target.removeprefix(f"{KIND}/")
        if target not in (ROOT, KIND) and not kind_id.isdigit():
            status = 403 if target.startswith(ROOT) else 500
            await stream.send_all(wire.send(RejectConnection(status_code=status, has_body=True)))
            await stream.send_all(wire.send(RejectData(data=b"", body_finished=True)))
            return
        await stream.send_all(wire.send(AcceptConnection()))
        socket = Socket(stream, wire, target, self._note_ping)
        self.sockets.append(socket)
        self.tell()
        try:
            with suppress(*GONE):
                await socket.run()
        finally:
            self.sockets.remove(socket)
            self.tell()


async def _respond(stream: trio.SocketStream, wire: h11.Connection, answer: Answer) -> None:
    headers = [
        ("content-type", answer.content_type),
        ("content-length", str(len(answer.body))),
        ("server", "uvicorn"),
    ]
    response = h11.Response(status_code=answer.status, headers=headers)
    parts = (response, h11.Data(data=answer.body), h11.EndOfMessage())
    await stream.send_all(b"".join(wire.send(part) or b"" for part in parts))


@asynccontextmanager
async def open_spoolman() -> AsyncIterator[Spoolman]:
    """Serving while the block lasts."""
    async with trio.open_nursery() as nursery:
        spoolman = Spoolman(nursery)
        await spoolman.start()
        yield spoolman
        nursery.cancel_scope.cancel()
