"""A cloud on a real websocket, that says what a test wants and keeps what it hears."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio_websocket

LIMIT_S = 15


class FakeCloud:
    """`welcome` answers each connection; `paths` are where they came."""

    def __init__(self) -> None:
        self.port = 0
        self.paths: list[str] = []
        self.heard: list[dict[str, Any]] = []
        self.goodbyes = 0
        self.refuses = False
        self.answers_pings = True
        self.welcome: list[Any] = [self.message("connected", in_setup=0, name="Voron")]
        self._socket: Any = None
        self._came = trio.Event()

    @staticmethod
    def message(kind: str, **data: Any) -> dict[str, Any]:
        return {"type": kind, "data": data}

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/printer"

    async def serve(self, request: Any) -> None:
        self.paths.append(request.path)
        if self.refuses:
            await request.reject(503)
            return
        socket = self._socket = await request.accept()
        try:
            for one in self.welcome:
                await self.say(one)
            self._came.set()
            while True:
                await self._hear(socket, json.loads(await socket.get_message()))
        except trio_websocket.ConnectionClosed:
            self.goodbyes += 1

    async def _hear(self, socket: Any, message: dict[str, Any]) -> None:
        self.heard.append(message)
        if message["type"] == "ping" and self.answers_pings:
            await socket.send_message('{"type":"pong"}')

    async def say(self, what: Any) -> None:
        """A message, or a text or bytes as they are."""
        with trio.fail_after(LIMIT_S):
            text = what if isinstance(what, str | bytes) else json.dumps(what)
            await self._socket.send_message(text)

    async def demand(self, name: str, **more: Any) -> None:
        await self.say(self.message("demand", demand=name, **more))

    async def close(self, code: int = 1000) -> None:
        """The connection that is open, or will be."""
        await self.until(lambda: self._socket is not None and not self._socket.closed)
        with trio.fail_after(LIMIT_S):
            await self._socket.aclose(code)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message.get("data", {}) for message in self.heard if message["type"] == kind]

    async def until(self, done: Callable[[], Any]) -> Any:
        """What `done` gives, once it gives something."""
        with trio.fail_after(LIMIT_S):
            while not (found := done()):  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.02)
            return found

    async def told(self, kind: str, **fields: Any) -> dict[str, Any]:
        """A message of a kind with these fields, once it came."""

        def found() -> dict[str, Any] | None:
            return next((d for d in self.of(kind) if fields.items() <= d.items()), None)

        message = await self.until(lambda: (one := found()) is not None and [one])
        return dict(message[0])

    async def connections(self, count: int) -> None:
        """Return once it has been connected to so often."""
        await self.until(lambda: len(self.paths) >= count)


@asynccontextmanager
async def open_cloud() -> AsyncIterator[FakeCloud]:
    cloud = FakeCloud()
    async with trio.open_nursery() as nursery:
        server = await nursery.start(
            trio_websocket.serve_websocket, cloud.serve, "127.0.0.1", 0, None
        )
        cloud.port = server.port
        yield cloud
        nursery.cancel_scope.cancel()
