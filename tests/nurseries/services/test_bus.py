"""What one connection does when the bus is silent, sends junk, or ends: no socket, no real time."""

import itertools
from typing import Any

import jeepney
import pytest
import trio
import trio.testing

from mrk.machine.bus import BusAbsent, BusLost, BusPeer, Signal
from mrk.machine.services import PowerAction, ServiceAway, StillUnderWay, Verb
from nurseries.services.bus import Bus, open_bus
from nurseries.services.systemd_session import SystemdSession

PEER = BusPeer("org.example.Thing", "/org/example", "org.example.Thing")


class Connection:
    """Messages that a test hands over; `answer` replies to every call."""

    def __init__(self, answer: tuple[Any, ...] | None = None) -> None:
        self.outgoing_serial = itertools.count(1)
        self.sent: list[Any] = []
        self._answer = answer
        self._send, self._receive = trio.open_memory_channel[Any](100)

    async def send(self, message: Any, *, serial: int) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)
        message.header.serial = serial
        if self._answer is not None:
            self._send.send_nowait(jeepney.new_method_return(message, *self._answer))

    async def receive(self) -> Any:
        item = await self._receive.receive()
        if isinstance(item, Exception):
            raise item
        return item

    def give(self, item: Any) -> None:
        self._send.send_nowait(item)


async def running(nursery: trio.Nursery, connection: Connection) -> tuple[Bus, list[Signal]]:
    heard: list[Signal] = []
    bus = Bus(connection, heard.append)
    nursery.start_soon(bus.run)
    await trio.testing.wait_all_tasks_blocked()
    return bus, heard


async def test_a_silent_bus_is_lost_after_ten_seconds(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bus, _ = await running(nursery, Connection())
    with pytest.raises(BusLost, match="did not answer Ping within 10 s"):
        await bus.call(PEER, "Ping")
    assert trio.current_time() == 10


@pytest.mark.parametrize(
    "end",
    [
        trio.EndOfChannel("closed"),
        trio.BrokenResourceError("reset"),
        ValueError("no D-Bus"),
        KeyError("no D-Bus"),
    ],
)
async def test_calls_under_way_end_with_the_connection(
    nursery: trio.Nursery, end: Exception
) -> None:
    connection = Connection()
    bus, _ = await running(nursery, connection)
    told: list[str] = []

    async def ask() -> None:
        try:
            await bus.call(PEER, "Ping")
        except BusLost as exc:
            told.append(str(exc))

    async with trio.open_nursery() as calls:
        for _number in range(3):
            calls.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        connection.give(end)
    assert told == ["the connection to the system bus was lost"] * 3
    assert bus.lost.is_set()
    await ask()
    assert len(told) == 4
    assert len(connection.sent) == 3


async def test_a_cancelled_call_leaves_nothing_behind(nursery: trio.Nursery) -> None:
    connection = Connection()
    bus, heard = await running(nursery, connection)
    with trio.CancelScope() as scope:
        scope.cancel()
        await bus.call(PEER, "Ping")
    async with trio.open_nursery() as calls:
        calls.start_soon(bus.call, PEER, "Ping")
        await trio.testing.wait_all_tasks_blocked()
        calls.cancel_scope.cancel()
    for message in connection.sent:
        connection.give(jeepney.new_method_return(message, "s", ("late",)))
    address = jeepney.DBusAddress("/org/example", interface="org.example.Thing")
    connection.give(jeepney.new_signal(address, "Changed", "s", ("x",)))
    await trio.testing.wait_all_tasks_blocked()
    assert [signal.member for signal in heard] == ["Changed"]


async def test_a_job_without_an_end_is_left_to_systemd(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bus, _ = await running(nursery, Connection(("o", ("/job/1",))))
    with pytest.raises(StillUnderWay, match="did not end the stop within 30 s"):
        await SystemdSession("pi").act(bus, Verb.STOP, "klipper")
    assert trio.current_time() == 30


async def test_the_bus_ends_while_a_job_runs(nursery: trio.Nursery) -> None:
    connection = Connection(("o", ("/job/1",)))
    bus, _ = await running(nursery, connection)

    async def ask() -> None:
        with pytest.raises(ServiceAway, match="may still go on"):
            await SystemdSession("pi").act(bus, Verb.STOP, "klipper")

    async with trio.open_nursery() as calls:
        calls.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        connection.give(trio.EndOfChannel())


async def test_a_logind_that_says_no(nursery: trio.Nursery) -> None:
    connection = Connection(("s", ("no",)))
    bus, _ = await running(nursery, connection)
    with pytest.raises(Exception, match="PolicyKit"):
        await SystemdSession("pi").power(bus, PowerAction.POWEROFF)
    assert len(connection.sent) == 1


@pytest.mark.parametrize(
    "address", ["", "junk", "unix:", "tcp:host=x,port=1", "unix:path=/nowhere/bus"]
)
async def test_addresses_without_a_bus(address: str) -> None:
    with pytest.raises(BusAbsent):
        async with open_bus(address, lambda _signal: None):
            pass
