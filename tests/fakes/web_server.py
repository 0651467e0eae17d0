"""A web server on loopback that says exactly the bytes it is told to, for outgoing HTTP."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

Reply = bytes | Callable[[trio.SocketStream], Awaitable[None]]


def response(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    """A whole response that ends the connection."""
    fields = {"Content-Length": str(len(body)), "Connection": "close"}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class WebServer:
    """`replies` by path; other paths are 404, or what `answer_others` makes of a request's head.

    `heads` are the requests' heads, in order.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.replies: dict[str, Reply] = {}
        self.heads: list[str] = []
        self.answer_others: Callable[[str], bytes] = lambda _head: response(b"no", "404 Not Found")

    async def handle(self, stream: trio.SocketStream) -> None:
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                more = await stream.receive_some()
                if not more:
                    return
                head += more
            self.heads.append(head.decode())
            path = head.split(b" ")[1].decode()
            reply = self.replies.get(path)
            if reply is None:
                reply = self.answer_others(self.heads[-1])
            if isinstance(reply, bytes):
                await stream.send_all(reply)
            else:
                await reply(stream)
        except trio.BrokenResourceError:
            pass  # the client had enough
        finally:
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def open_web_server() -> AsyncIterator[WebServer]:
    """Serving while the block lasts."""
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server = WebServer(listener.socket.getsockname()[1])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, server.handle, [listener])
        yield server
        nursery.cancel_scope.cancel()
