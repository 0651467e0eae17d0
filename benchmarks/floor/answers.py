"""The floor of requests: readiness awaited once, no call decoded, answers spliced and sent.

`python -m benchmarks.floor.answers PORT KLIPPY_SOCKET UNIX_SOCKET` listens for websockets and HTTP
on the port, and for JSON-RPC on the unix socket. `server.info` is answered with the same bytes
each time, `printer.objects.query` is passed on to Klipper and its answer back, unread. As in
`bare`, requests are expected to arrive whole, and what the kernel does not take at once is lost.
"""

import socket
import sys
from collections import deque
from collections.abc import Callable
from functools import cache, partial
from urllib.parse import unquote

import msgspec
import trio

from benchmarks.clients import HOST
from benchmarks.floor.clients import client_messages, plain
from benchmarks.wire import HEAD_END
from mrk.klippy.etx import ETX, etx_frame
from mrk.websocket.frames import text_frame

_BUFFER_BYTES = 65536
_INFO = msgspec.json.encode(
    {
        "klippy_connected": True,
        "klippy_state": "ready",
        "components": ["database", "klippy_apis", "file_manager", "machine", "history"],
        "registered_directories": ["config", "logs", "gcodes"],
        "warnings": [],
        "websocket_count": 1,
    }
)
_SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
# Puts one JSON answer on the wire as its connection wants it.
Frame = Callable[[bytes], bytes]


def rpc_id(message: bytes) -> bytes:
    """The id of a request as `wire.rpc` writes it, undecoded."""
    start = message.index(b'"id":') + 5
    end = message.find(b",", start)
    return message[start : end if end > 0 else -1]


def rpc_params(message: bytes) -> bytes:
    """The params of a request as `wire.rpc` writes it (they come last), undecoded."""
    return message[message.index(b'"params":') + 9 : -1]


@cache
def http_params(path: bytes) -> bytes:
    """Klipper's params for the query of `/printer/objects/query`."""
    names = path.partition(b"?")[2].decode().split("&")
    return msgspec.json.encode({"objects": {unquote(name): None for name in names}})


def rpc_answer(result: bytes, id_: bytes) -> bytes:
    """A reply around a result's text."""
    return b"".join((b'{"jsonrpc":"2.0","result":', result, b',"id":', id_, b"}"))


def http_answer(result: bytes) -> bytes:
    """A response around a result's text."""
    body = b'{"result":' + result + b"}"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return b"".join((head.encode(), HEAD_END, body))


class Klippy:
    """The link: requests go out together at the end of a read, answers come in their order."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._socket = plain(stream)
        self._asked: list[bytes] = []
        self._waiting: deque[tuple[socket.socket, Frame]] = deque()

    def ask(self, params: bytes, source: socket.socket, frame: Frame) -> None:
        """Have `objects/query` sent with the next `flush`; `frame` is given the result."""
        self._asked.append(
            b'{"id":0,"method":"objects/query","params":' + params + b"}" + ETX,
        )
        self._waiting.append((source, frame))

    def flush(self) -> None:
        """Send what was asked since."""
        if self._asked:
            self._socket.send(b"".join(self._asked))
            self._asked.clear()

    async def serve(self) -> None:
        """Hand on answers until Klipper closes; those of one read to a client in one send."""
        rest = b""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            data = self._socket.recv(_BUFFER_BYTES)
            if not data:
                return
            *answers, rest = (rest + data).split(ETX)
            together: dict[socket.socket, list[bytes]] = {}
            for answer in answers:
                source, frame = self._waiting.popleft()
                result = answer[answer.index(b'"result":') + 9 : -1]
                together.setdefault(source, []).append(frame(result))
            for source, frames in together.items():
                source.send(b"".join(frames))


class Served:
    """One client's connection."""

    def __init__(self, source: socket.socket, klippy: Klippy) -> None:
        self._source = source
        self._klippy = klippy
        self._hear = self._http

    @classmethod
    async def tcp(cls, klippy: Klippy, stream: trio.SocketStream) -> None:
        """An HTTP connection, or a websocket once it asks for that."""
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await cls(plain(stream), klippy).run()

    @classmethod
    async def unix(cls, klippy: Klippy, stream: trio.SocketStream) -> None:
        """A client of the unix socket."""
        served = cls(plain(stream), klippy)
        served._hear = served._unix
        await served.run()

    async def run(self) -> None:
        """Answer until the client leaves."""
        with self._source:
            while True:
                await trio.lowlevel.wait_readable(self._source)
                try:
                    data = self._source.recv(_BUFFER_BYTES)
                except ConnectionError:
                    return
                if not data:
                    return
                if answers := self._hear(data):
                    self._source.send(b"".join(answers))
                self._klippy.flush()

    def _http(self, data: bytes) -> list[bytes]:
        path = data[4 : data.index(b" ", 4)]
        if path == b"/websocket":
            self._hear = self._websocket
            return [_SWITCHED]
        if path == b"/server/info":
            return [http_answer(_INFO)]
        self._klippy.ask(http_params(path), self._source, http_answer)
        return []

    def _websocket(self, data: bytes) -> list[bytes]:
        return self._answered(client_messages(data), text_frame)

    def _unix(self, data: bytes) -> list[bytes]:
        return self._answered(data[:-1].split(ETX), etx_frame)

    def _answered(self, messages: list[bytes], framing: Frame) -> list[bytes]:
        """The answers that need no Klipper; everything else than the two questions gets `{}`."""
        answers = []
        for message in messages:
            id_ = rpc_id(message)
            if b'"server.info"' in message:
                answers.append(framing(rpc_answer(_INFO, id_)))
            elif b'"printer.objects.query"' in message:
                frame = partial(_framed, framing, id_)
                self._klippy.ask(rpc_params(message), self._source, frame)
            else:
                answers.append(framing(rpc_answer(b"{}", id_)))
        return answers


def _framed(framing: Frame, id_: bytes, result: bytes) -> bytes:
    return framing(rpc_answer(result, id_))


async def main(port: int, klippy_path: str, unix_path: str) -> None:
    """Serve until Klipper closes."""
    klippy = Klippy(await trio.open_unix_socket(klippy_path))
    listening = trio.socket.socket(trio.socket.AF_UNIX)
    await listening.bind(unix_path)
    listening.listen()
    unix = [trio.SocketListener(listening)]
    tcp = await trio.open_tcp_listeners(port, host=HOST)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, partial(Served.tcp, klippy), tcp)
        nursery.start_soon(trio.serve_listeners, partial(Served.unix, klippy), unix)
        print("ready", flush=True)
        await klippy.serve()
        nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(main, int(sys.argv[1]), sys.argv[2], sys.argv[3])
