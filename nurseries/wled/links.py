"""The two ways to a strip: HTTP, and a serial port."""

import os
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio

from mrk.errors import Transient
from mrk.http.client import FetchFailed, HttpRequests, NotReached

ANSWER_BYTES = 64 * 1024
TRIES = 3
PAUSE_S = 0.1


class StripAway(Transient):
    """The strip did not take what was sent; the text says why."""


class StripLink(Protocol):
    """Used by one task at a time."""

    def opened(self) -> Any:
        """A block in which the strip can be reached; raises `StripAway`."""

    async def send(self, body: dict[str, Any]) -> None:
        """Returns once it was taken, or written. Raises `StripAway`."""


class HttpStripLink:
    """Implements `StripLink`; a connection for each body."""

    def __init__(self, http: HttpRequests, url: str, timeout_s: float) -> None:
        self._http = http
        self._url = url
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        yield

    async def send(self, body: dict[str, Any]) -> None:
        data = msgspec.json.encode(body)
        for left in reversed(range(TRIES)):
            try:
                with trio.fail_after(self._timeout_s):
                    await self._once(data)
                return
            except NotReached as exc:
                reason = f"it cannot be reached: {exc}"
            except FetchFailed as exc:
                reason = str(exc)
            except trio.TooSlowError:
                reason = f"no answer within {self._timeout_s:g} s"
            if left:
                await trio.sleep(PAUSE_S)
        raise StripAway(reason)

    async def _once(self, data: bytes) -> None:
        answer = await self._http.request(
            "POST",
            self._url,
            most_bytes=ANSWER_BYTES,
            body=data,
            headers={"Content-Type": "application/json"},
            local=True,
        )
        if answer.status >= 300:
            raise StripAway(f"it answers HTTP {answer.status}")


class SerialStripLink:
    """Implements `StripLink`; what the strip says is read and dropped."""

    def __init__(self, path: Path, baud: int) -> None:
        self._path = path
        self._baud = baud
        self._stream: trio.lowlevel.FdStream | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            descriptor = await trio.to_thread.run_sync(_open, self._path, self._baud)
        except (OSError, termios.error, ValueError) as exc:
            raise StripAway(f"{self._path} cannot be opened: {exc}") from exc
        async with trio.lowlevel.FdStream(descriptor) as stream, trio.open_nursery() as nursery:
            self._stream = stream
            try:
                nursery.start_soon(self._drop, stream, name="answers of a strip")
                yield
            finally:
                self._stream = None
            nursery.cancel_scope.cancel()

    async def send(self, body: dict[str, Any]) -> None:
        if self._stream is None:
            raise StripAway(f"{self._path} is not open")
        try:
            await self._stream.send_all(msgspec.json.encode(body))
        except (trio.BrokenResourceError, OSError) as exc:
            raise StripAway(f"{self._path} is gone") from exc

    async def _drop(self, stream: trio.lowlevel.FdStream) -> None:
        try:
            while await stream.receive_some(4096):
                pass
        except (trio.BrokenResourceError, OSError):
            pass
        raise StripAway(f"{self._path} is gone")


def _open(path: Path, baud: int) -> int:
    """The port, raw, 8N1. Blocks, for a device that is slow to open."""
    speed = getattr(termios, f"B{baud}", None)
    if speed is None:
        raise ValueError(f"the system does not know the speed {baud}")
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        control = termios.CS8 | termios.CREAD | termios.CLOCAL
        settings = termios.tcgetattr(descriptor)
        settings[:6] = [0, 0, control, 0, speed, speed]
        termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    except (OSError, termios.error):
        os.close(descriptor)
        raise
    return descriptor
