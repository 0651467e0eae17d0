"""A device on real HTTP: answers what a test says, keeps what it was asked, may misbehave."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial

import trio

Reply = bytes | None


@dataclass(frozen=True)
class Asked:
    verb: str
    target: str
    headers: dict[str, str]
    body: bytes


def reply(body: bytes | str, status: int = 200, **headers: str) -> bytes:
    """A whole answer."""
    data = body.encode() if isinstance(body, str) else body
    lines = {"Content-Length": str(len(data)), **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + data


@dataclass
class HttpDevice:
    """`answer` gives bytes as they go out, None for an answer that never comes."""

    answer: Callable[[Asked], Reply]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                more = await stream.receive_some()
                if not more:
                    return
                data += more
            head, _, body = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            verb, target, _ = first.split(" ")
            pairs = [line.split(": ", 1) for line in lines]
            headers = {name.lower(): value for name, value in pairs}
            while len(body) < int(headers.get("content-length", 0)):
                body += await stream.receive_some()
            asked = Asked(verb, target, headers, body)
            self.asked.append(asked)
            said = self.answer(asked)
            if said is None:
                await trio.sleep_forever()
            with contextlib.suppress(trio.BrokenResourceError):
                await stream.send_all(said or b"")


@contextlib.asynccontextmanager
async def open_http_device(answer: Callable[[Asked], Reply]) -> AsyncIterator[HttpDevice]:
    """Listening on a port of loopback as long as the block."""
    device = HttpDevice(answer)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, device.serve, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        device.port = listeners[0].socket.getsockname()[1]
        yield device
        nursery.cancel_scope.cancel()
