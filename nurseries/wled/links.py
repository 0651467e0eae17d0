"""The two ways to a strip: HTTP, and a serial port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec
import trio

from mrk.errors import Transient
from mrk.http.client import FetchFailed, HttpRequests, NotReached
from mrk.serial.serial_protocols import SerialError, SerialPort, SerialPorts

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

    def __init__(self, ports: SerialPorts, path: Path, baud: int) -> None:
        self._ports = ports
        self._path = path
        self._baud = baud
        self._port: SerialPort | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        try:
            async with (
                self._ports.opened(self._path, self._baud) as port,
                trio.open_nursery() as nursery,
            ):
                self._port = port
                try:
                    nursery.start_soon(self._drop, port, name="answers of a strip")
                    yield
                finally:
                    self._port = None
                nursery.cancel_scope.cancel()
        except SerialError as exc:
            raise StripAway(str(exc)) from exc

    async def send(self, body: dict[str, Any]) -> None:
        if self._port is None:
            raise StripAway(f"{self._path} is not open")
        try:
            await self._port.send(msgspec.json.encode(body))
        except SerialError as exc:
            raise StripAway(str(exc)) from exc

    async def _drop(self, port: SerialPort) -> None:
        try:
            while True:
                await port.receive()
        except SerialError as exc:
            raise StripAway(str(exc)) from exc
