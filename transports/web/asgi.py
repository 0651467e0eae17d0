"""One page request to an ASGI app, and its answer; nobody else's server is in between."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio

from mrk.web.page_messages import PageAnswer, PageRequest

Message = MutableMapping[str, Any]
App = Callable[..., Awaitable[None]]


async def ask(app: App, request: PageRequest) -> PageAnswer:
    """Ask for a page; the app finds it as `view` in its scope."""
    parts: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:  # there is nobody who could leave
            await trio.sleep_forever()
        asked = True
        await trio.lowlevel.checkpoint()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        parts.append(message)
        await trio.lowlevel.checkpoint()

    await app(_scope(request), receive, send)
    head = parts[0]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head["headers"]]
    body = b"".join(part.get("body", b"") for part in parts[1:])
    return PageAnswer(head["status"], headers, body)


def _scope(request: PageRequest) -> Message:
    coding = [(b"accept-encoding", b"gzip")] if request.gzip else []
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": request.path,
        "raw_path": request.path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), *coding],
        "client": ("127.0.0.1", 0),
        "server": ("localhost", None),
        "extensions": {},
        "view": request.view,
    }
