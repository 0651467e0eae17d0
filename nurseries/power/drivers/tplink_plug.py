"""TP-Link Kasa plugs and strips over TCP, a connection for each command."""

from typing import Any

import trio

from mrk.power.states import DriverFailed, PowerState
from mrk.power.tplink import (
    FORGET_TIMERS,
    HEAD_BYTES,
    STATUS,
    Plug,
    body_size,
    check,
    decode,
    encode,
)
from nurseries.power.drivers.asked_driver import AskedDriver


class TplinkDriver(AskedDriver):
    """Implements `PowerDriver`; `delay_s`: off is left to the plug's own countdown."""

    def __init__(self, host: str, port: int, plug: Plug, delay_s: int | None = None) -> None:
        self._host = host
        self._port = port
        self._plug = plug
        self._delay_s = delay_s

    async def status(self) -> PowerState:
        """Ask for it."""
        return self._plug.state(await self._send(STATUS))

    async def switch(self, on: bool) -> PowerState:
        """A switch that the plug accepted is believed."""
        context: dict[str, Any] = {}
        if self._plug.output is not None:
            context = self._plug.context(await self._send(STATUS))
        if not on and self._delay_s is not None:
            await self._send({**FORGET_TIMERS, **context})
            answer = await self._send(self._plug.countdown(self._delay_s, context))
            check(answer, "count_down", "add_rule")
        else:
            answer = await self._send(self._plug.switch(on, context))
            check(answer, "system", "set_relay_state")
        return PowerState.of(on)

    async def _send(self, command: Any) -> Any:
        """The answer. Raises `DriverFailed`."""
        try:
            stream = await trio.open_tcp_stream(self._host, self._port)
        except (OSError, UnicodeError) as exc:
            raise DriverFailed(f"{self._host} cannot be reached: {exc}") from exc
        async with stream:
            try:
                await stream.send_all(encode(command))
                size = body_size(await _exactly(stream, HEAD_BYTES))
                return decode(await _exactly(stream, size))
            except trio.BrokenResourceError as exc:
                raise DriverFailed("the connection broke") from exc


async def _exactly(stream: trio.SocketStream, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        data = await stream.receive_some(size - len(found))
        if not data:
            raise DriverFailed("it closed the connection without a whole answer")
        found += data
    return bytes(found)
