"""A TCP proxy before a broker that stalls, or cuts its connections, when it is told to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Proxy:
    """`port` is where it listens; `stalled` holds bytes towards the broker back."""

    def __init__(self, port: int, target_port: int) -> None:
        self.port = port
        self._target_port = target_port
        self._flowing = trio.Event()
        self._flowing.set()
        self._streams: list[trio.SocketStream] = []

    async def handle(self, stream: trio.SocketStream) -> None:
        broker = await trio.open_tcp_stream("127.0.0.1", self._target_port)
        self._streams += [stream, broker]
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pump, stream, broker)
                nursery.start_soon(self._pump, broker, stream)
        finally:
            for one in (stream, broker):
                one.socket.close()

    async def _pump(self, source: trio.SocketStream, sink: trio.SocketStream) -> None:
        try:
            while data := await source.receive_some(4096):
                await self._flowing.wait()
                await sink.send_all(data)
            await sink.aclose()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await trio.aclose_forcefully(sink)

    def stall(self) -> None:
        """Nothing passes any more, in both directions; nothing is closed."""
        self._flowing = trio.Event()

    def flow(self) -> None:
        self._flowing.set()

    async def cut(self) -> None:
        """Both ends of all connections are gone, as after a kill -9."""
        streams, self._streams = self._streams, []
        for stream in streams:
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def open_proxy(target_port: int) -> AsyncIterator[Proxy]:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    proxy = Proxy(listener.socket.getsockname()[1], target_port)
    async with trio.open_nursery() as nursery:
        await nursery.start(trio.serve_listeners, proxy.handle, [listener])
        yield proxy
        nursery.cancel_scope.cancel()
