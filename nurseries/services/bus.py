"""One connection to the system's D-Bus: calls with their replies, and signals.

`open_bus` owns the connection and its reading task. When the bus goes away, calls under way raise
`BusLost` and `Bus.lost` is set; nothing is tried again here. The only module that knows jeepney's
connection.
"""

import contextlib
import logging
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import jeepney
import msgspec
import trio
from jeepney.auth import BEGIN, Authenticator
from jeepney.bus import get_connectable_addresses
from jeepney.io.trio import DBusConnection

from mrk.machine.bus import BusAbsent, BusLost, BusPeer, BusRefused, Signal

logger = logging.getLogger(__name__)
BUS = "org.freedesktop.DBus"
BUS_PATH = "/org/freedesktop/DBus"
_CONNECT_S = 5.0
_CALL_S = 10.0
# What the parser meets in bytes that are no D-Bus.
_JUNK = (ValueError, KeyError, IndexError, TypeError, AssertionError, struct.error)


class _Reply(msgspec.Struct):
    came: trio.Event
    message: Any = None


THE_BUS = BusPeer(BUS, BUS_PATH, BUS)


class Bus:
    """An open connection. `on_signal` is called in the reading task and must not block."""

    def __init__(self, connection: DBusConnection, on_signal: Callable[[Signal], None]) -> None:
        self._connection = connection
        self._on_signal = on_signal
        self._replies: dict[int, _Reply] = {}
        self.lost = trio.Event()

    async def call(
        self, peer: BusPeer, member: str, signature: str | None = None, body: tuple[Any, ...] = ()
    ) -> tuple[Any, ...]:
        """Call a method and return its results.

        Raises `BusRefused` for an error reply and `BusLost` when none comes within 10 s.
        """
        address = jeepney.DBusAddress(peer.path, peer.name, peer.interface)
        message = jeepney.new_method_call(address, member, signature, body)
        serial = next(self._connection.outgoing_serial)
        reply = self._replies[serial] = _Reply(trio.Event())
        try:
            with trio.fail_after(_CALL_S):
                await self._send(message, serial)
                await reply.came.wait()
        except trio.TooSlowError as exc:
            raise BusLost(f"{peer.name} did not answer {member} within {_CALL_S:g} s") from exc
        finally:
            self._replies.pop(serial, None)
        return self._result(reply.message)

    async def watch(self, rule: str) -> None:
        """Receive the signals that match a rule, until the connection ends."""
        await self.call(THE_BUS, "AddMatch", "s", (rule,))

    async def wait_lost(self) -> None:
        """Return when the bus goes away."""
        await self.lost.wait()

    async def run(self) -> None:
        """Read until the connection ends; returns then, and sets `lost`."""
        try:
            while True:
                self._dispatch(await self._connection.receive())
        except (trio.EndOfChannel, trio.BrokenResourceError, trio.ClosedResourceError):
            logger.debug("the bus closed the connection")
        except _JUNK as exc:
            logger.warning("the bus sent what cannot be read: %s: %s", type(exc).__name__, exc)
        finally:
            self.lost.set()
            for reply in self._replies.values():
                reply.came.set()

    async def _send(self, message: Any, serial: int) -> None:
        if self.lost.is_set():
            raise BusLost("the connection to the system bus was lost")
        try:
            await self._connection.send(message, serial=serial)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise BusLost("the connection to the system bus was lost") from exc

    def _result(self, message: Any) -> tuple[Any, ...]:
        if message is None:
            raise BusLost("the connection to the system bus was lost")
        if message.header.message_type is jeepney.MessageType.error:
            name = str(message.header.fields.get(jeepney.HeaderFields.error_name, ""))
            text = message.body[0] if message.body else ""
            raise BusRefused(name, str(text))
        return tuple(message.body)

    def _dispatch(self, message: Any) -> None:
        fields = message.header.fields
        kind = message.header.message_type
        if kind is jeepney.MessageType.signal:
            names = jeepney.HeaderFields
            keys = (names.sender, names.path, names.interface, names.member)
            sender, path, interface, member = (str(fields.get(key, "")) for key in keys)
            self._on_signal(Signal(sender, path, interface, member, tuple(message.body)))
        elif kind in (jeepney.MessageType.method_return, jeepney.MessageType.error):
            reply = self._replies.get(fields.get(jeepney.HeaderFields.reply_serial, -1))
            if reply is not None:
                reply.message = message
                reply.came.set()


@contextlib.asynccontextmanager
async def open_bus(address: str, on_signal: Callable[[Signal], None]) -> AsyncIterator[Bus]:
    """A connection while the block lasts; raises `BusAbsent` or `BusLost`.

    `address` as in DBUS_SYSTEM_BUS_ADDRESS: `unix:path=/run/dbus/system_bus_socket`.
    """
    async with await _connect(_path(address)) as stream:
        bus = Bus(DBusConnection(stream.socket), on_signal)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bus.run, name="system bus reader")
            await bus.call(THE_BUS, "Hello")
            yield bus
            nursery.cancel_scope.cancel()


def _path(address: str) -> str:
    try:
        return str(next(iter(get_connectable_addresses(address))))
    except (ValueError, KeyError, RuntimeError) as exc:
        raise BusAbsent(f"{address[:200]!r} is not the address of a bus: {exc}") from exc


async def _connect(path: str) -> trio.SocketStream:
    try:
        with trio.fail_after(_CONNECT_S):
            stream = await trio.open_unix_socket(path)
            try:
                await _authenticate(stream)
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            return stream
    except trio.TooSlowError as exc:
        raise BusLost(f"the system bus did not answer within {_CONNECT_S:g} s") from exc
    except (FileNotFoundError, ConnectionRefusedError) as exc:
        raise BusAbsent(f"no system bus at {path.lstrip(chr(0))}") from exc
    except (OSError, trio.BrokenResourceError, ValueError) as exc:
        raise BusLost(f"the system bus refused the connection: {exc}") from exc


async def _authenticate(stream: trio.SocketStream) -> None:
    """SASL EXTERNAL: the kernel tells the bus who we are."""
    talk = Authenticator(inc_null_byte=False)
    await stream.send_all(b"\0")
    while not talk.authenticated:
        await stream.send_all(talk.data_to_send() or b"")
        heard = await stream.receive_some(4096)
        if not heard:
            raise BusLost("the system bus closed the connection")
        talk.feed(heard)
    await stream.send_all(BEGIN)
