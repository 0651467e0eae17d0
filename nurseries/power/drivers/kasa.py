"""`mrk-kasa ADDRESS`: Kasa and Tapo plugs and strips, by python-kasa (`pip install "mrk[kasa]"`).

A program of its own behind `type: driver`: python-kasa runs on asyncio, and costs 40 MB. It speaks
the lines of `mrk/power/driver_lines.py`, looks every 10 s what others switched, and connects anew
after each failure. It ends with its input.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from mrk.extras import install_advice

ANSWER_S = 4.0  # mrk waits 5 s, and kills whoever answers later
CONNECT_S = 20.0
POLL_S = 10.0
LINE_BYTES = 64 * 1024
WRONG_USER = "user or password are wrong: set KASA_USERNAME and KASA_PASSWORD in `environment`"


class Outlet(Protocol):
    """What is switched: a plug, or one outlet of a strip."""

    @property
    def is_on(self) -> bool: ...
    async def turn_on(self) -> Any: ...
    async def turn_off(self) -> Any: ...


class KasaDevice(Outlet, Protocol):
    """As python-kasa gives it; `children` are a strip's outlets."""

    @property
    def children(self) -> Any: ...
    async def update(self) -> None: ...
    async def disconnect(self) -> None: ...


Connect = Callable[[], Awaitable[KasaDevice]]
# What the library raises; the next question begins anew.
Failures = tuple[type[Exception], ...]


class KasaFailed(Exception):
    """The text tells a user why there is no state."""


class KasaPlug:
    """One device, or the outlet of that name or number (from 1); connected while it answers."""

    def __init__(
        self, connect: Connect, outlet: str | None = None, failures: Failures = (OSError,)
    ) -> None:
        self._connect = connect
        self._failures = failures
        self._outlet = outlet
        self._device: KasaDevice | None = None
        self._connecting: asyncio.Task[KasaDevice] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def look(self) -> bool:
        """Whether it is on. Raises `KasaFailed`."""
        return await self._within_time(None)

    async def switch(self, on: bool) -> bool:
        """Switch it, and look. Raises `KasaFailed`."""
        return await self._within_time(on)

    async def _within_time(self, on: bool | None) -> bool:
        try:
            async with asyncio.timeout(ANSWER_S), self._one_at_a_time:
                return await self._do(on)
        except TimeoutError:
            reason = f"the device did not answer within {ANSWER_S:g} s"
        except self._failures as exc:
            reason = _reason(exc)
        await self._lose()
        raise KasaFailed(reason)

    async def _do(self, on: bool | None) -> bool:
        device = self._device or await self._connected()
        if on is None:
            await device.update()
            return self._find(device).is_on
        outlet = self._find(device)
        await (outlet.turn_on() if on else outlet.turn_off())
        await device.update()
        return self._find(device).is_on

    async def _connected(self) -> KasaDevice:
        """May take longer than one question; those that come meanwhile wait for the same."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect_and_look())
        connecting = self._connecting
        try:
            self._device = await asyncio.shield(connecting)
        finally:
            if connecting.done():
                self._connecting = None
        return self._device

    async def _connect_and_look(self) -> KasaDevice:
        async with asyncio.timeout(CONNECT_S):
            device = await self._connect()
            await device.update()
            return device

    async def _lose(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            try:
                async with asyncio.timeout(1.0):
                    await device.disconnect()
            except self._failures as exc:  # it is lost either way
                print(f"while disconnecting: {exc!r}", file=sys.stderr)

    def _find(self, device: KasaDevice) -> Outlet:
        outlets = list(device.children)
        if self._outlet is None:
            return device
        for number, outlet in enumerate(outlets, 1):
            if self._outlet in (str(number), getattr(outlet, "alias", None)):
                return outlet  # type: ignore[no-any-return]
        known = [str(getattr(outlet, "alias", None)) for outlet in outlets]
        raise KasaFailed(f"outlet {self._outlet!r}: no such name or number in {known}")


def _reason(error: Exception) -> str:
    if type(error).__name__ == "AuthenticationError":
        return WRONG_USER
    return f"{type(error).__name__}: {error}"[:200]


class KasaDriver:
    """Answers lines, one after the other, and tells unasked what others switched."""

    def __init__(self, plug: KasaPlug, say: Callable[[dict[str, str]], None]) -> None:
        self._plug = plug
        self._say = say
        self._told: str | None = None

    async def run(self, lines: asyncio.StreamReader) -> None:
        """Return at the end of `lines`."""
        polling = asyncio.create_task(self._poll())
        try:
            while line := await lines.readline():
                self._answer(await self._asked(line))
        finally:
            polling.cancel()

    async def _asked(self, line: bytes) -> dict[str, str]:
        try:
            question = json.loads(line)
            wanted = {"status": None, "switch": question.get("to")}[question["op"]]
            on = {None: None, "on": True, "off": False}[wanted]
        except (ValueError, LookupError, TypeError, AttributeError):
            return {"error": f"not a question: {line[:80].decode('utf-8', 'replace').strip()}"}
        try:
            is_on = await (self._plug.look() if on is None else self._plug.switch(on))
        except KasaFailed as exc:
            return {"error": str(exc)}
        return {"state": "on" if is_on else "off"}

    def _answer(self, said: dict[str, str]) -> None:
        self._told = said.get("state")
        self._say(said)

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                state = "on" if await self._plug.look() else "off"
            except KasaFailed:
                state = "error"
            if self._told is not None and state != self._told:
                self._told = state
                self._say({"event": "state", "state": state})


def by_kasa(address: str, port: int | None) -> tuple[Connect, Failures]:
    """Connects with python-kasa. With a `port`: old firmware that listens there."""
    from kasa import Credentials, DeviceConfig, Discover, KasaException
    from kasa import Device as LibraryDevice

    user, password = os.environ.get("KASA_USERNAME", ""), os.environ.get("KASA_PASSWORD", "")
    credentials = Credentials(user, password) if user else None

    async def connect() -> KasaDevice:
        found: Any
        if port is not None:
            config = DeviceConfig(address, port_override=port, credentials=credentials)
            return await LibraryDevice.connect(config=config)
        try:
            found = await Discover.discover_single(
                address, discovery_timeout=3, credentials=credentials
            )
        except KasaException:  # its answer is lost, or its network lets no UDP through
            found = await Discover.try_connect_all(address, credentials=credentials)
        if found is None:
            raise KasaFailed(f"no Kasa or Tapo device answers at {address}")
        return found  # type: ignore[no-any-return]

    return connect, (OSError, KasaException)


def _say(said: dict[str, str]) -> None:
    print(json.dumps(said), flush=True)


async def _run(arguments: argparse.Namespace) -> None:
    lines = asyncio.StreamReader(limit=LINE_BYTES)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    connect, failures = by_kasa(arguments.address, arguments.port)
    plug = KasaPlug(connect, arguments.outlet, failures)
    await KasaDriver(plug, _say).run(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="mrk-kasa", description=__doc__)
    parser.add_argument("address", help="name or IP address of the device")
    parser.add_argument("--outlet", help="an outlet of a strip: its name, or its number from 1")
    parser.add_argument("--port", type=int, help="of old firmware that is not on port 9999")
    arguments = parser.parse_args()
    try:
        asyncio.run(_run(arguments))
    except ImportError as exc:
        sys.exit(f"mrk-kasa: {exc}: {install_advice('kasa')}")


if __name__ == "__main__":
    main()
