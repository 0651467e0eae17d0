"""What the floor programs share: connecting, and websockets that are told `{}` to every request.

No limits, no pings, no faults: only what the harness needs to subscribe.
"""

import json
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence

import trio

from benchmarks.clients import HOST
from benchmarks.wire import HEAD_END
from mrk.websocket.frames import text_frame

# Each client's stream, and the same connection as a plain socket.
Clients = dict[trio.SocketStream, socket.socket]
Serve = Callable[[trio.SocketStream, Clients], Awaitable[None]]
NOTIFICATION = b'{"jsonrpc":"2.0","method":"notify_status_update","params":['


def subscribe_request(objects: Sequence[str]) -> bytes:
    """What makes Klipper push."""
    params = {
        "objects": dict.fromkeys(objects),
        "response_template": {"method": "process_status_update"},
    }
    return json.dumps({"id": 1, "method": "objects/subscribe", "params": params}).encode() + b"\x03"


def plain(stream: trio.SocketStream) -> socket.socket:
    """The same connection as a non-blocking socket of the standard library."""
    duplicate = socket.fromfd(stream.socket.fileno(), stream.socket.family, stream.socket.type)
    duplicate.setblocking(False)
    return duplicate


def run(serve: Serve) -> None:
    """Accept websockets on port `argv[1]` and have `serve(klippy, clients)` feed them."""
    trio.run(_main, serve, int(sys.argv[1]), sys.argv[2])


async def _main(serve: Serve, port: int, path: str) -> None:
    clients: Clients = {}
    klippy = await trio.open_unix_socket(path)
    await klippy.send_all(subscribe_request(["toolhead"]))
    await klippy.receive_some(1_000_000)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(port, host=HOST)
        nursery.start_soon(trio.serve_listeners, lambda s: _client(s, clients), listeners)
        print("ready", flush=True)
        await serve(klippy, clients)


async def _client(stream: trio.SocketStream, clients: Clients) -> None:
    head = b""
    while HEAD_END not in head:
        head += await stream.receive_some(65536)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await stream.send_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
    try:
        while data := await stream.receive_some(65536):
            (message,) = client_messages(data)
            request = json.loads(message)
            if request["method"] == "printer.objects.subscribe":
                clients[stream] = plain(stream)
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {}}
            await stream.send_all(text_frame(json.dumps(answer).encode()))
    except trio.BrokenResourceError:
        pass
    finally:
        if stream in clients:
            clients.pop(stream).close()
        await trio.aclose_forcefully(stream)


def client_messages(data: bytes) -> list[bytes]:
    """The payloads of whole masked frames (RFC 6455, section 5.2)."""
    found, at = [], 0
    while at < len(data):
        size, start = data[at + 1] & 0x7F, at + 2
        if size >= 126:
            width = 2 if size == 126 else 8
            size, start = int.from_bytes(data[start : start + width]), start + width
        masked = data[start + 4 : start + 4 + size]
        mask = (data[start : start + 4] * (size // 4 + 1))[:size]
        found.append((int.from_bytes(masked) ^ int.from_bytes(mask)).to_bytes(size))
        at = start + 4 + size
    return found
