"""The driver for Kasa and Tapo on fake devices: outlets, failures, odd lines."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from nurseries.power.drivers import kasa
from nurseries.power.drivers.kasa import WRONG_USER, KasaDriver, KasaFailed, KasaPlug


class AuthenticationError(Exception):
    """As python-kasa names it."""


@dataclass
class FakeDevice:
    alias: str = "Lamp"
    is_on: bool = False
    children: list["FakeDevice"] = field(default_factory=list)
    trouble: Exception | None = None
    hangs: bool = False
    lost: bool = False

    async def update(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble

    async def turn_on(self) -> None:
        self.is_on = True

    async def turn_off(self) -> None:
        self.is_on = False

    async def disconnect(self) -> None:
        self.lost = True


def plug_of(*devices: FakeDevice, outlet: str | None = None) -> KasaPlug:
    """One that finds the devices, one after the other."""
    left = list(devices)

    async def connect() -> Any:
        return left.pop(0)

    return KasaPlug(connect, outlet, (OSError, AuthenticationError))


def test_switched_and_looked_at() -> None:
    async def use() -> list[bool]:
        plug = plug_of(FakeDevice())
        return [await plug.look(), await plug.switch(True), await plug.look()]

    assert asyncio.run(use()) == [False, True, True]


@pytest.mark.parametrize("outlet", ["2", "Fan"])
def test_an_outlet_by_number_and_by_name(outlet: str) -> None:
    strip = FakeDevice(children=[FakeDevice("Light"), FakeDevice("Fan")])
    assert asyncio.run(plug_of(strip, outlet=outlet).switch(True)) is True
    assert [one.is_on for one in strip.children] == [False, True]


def test_an_outlet_that_there_is_not() -> None:
    strip = FakeDevice(children=[FakeDevice("Light")])
    with pytest.raises(KasaFailed, match=r"'Fan': no such name or number in \['Light'\]"):
        asyncio.run(plug_of(strip, outlet="Fan").look())


def test_after_a_failure_it_connects_anew() -> None:
    first = FakeDevice(trouble=OSError("no route"))
    second = FakeDevice(is_on=True)

    async def use() -> bool:
        plug = plug_of(first, second)
        with pytest.raises(KasaFailed, match="OSError: no route"):
            await plug.look()
        return await plug.look()

    assert asyncio.run(use()) is True


def test_one_that_was_connected_is_let_go() -> None:
    device = FakeDevice()

    async def use() -> None:
        plug = plug_of(device, FakeDevice())
        await plug.look()
        device.trouble = AuthenticationError("challenge")
        with pytest.raises(KasaFailed) as error:
            await plug.look()
        assert str(error.value) == WRONG_USER

    asyncio.run(use())
    assert device.lost


def test_a_device_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kasa, "ANSWER_S", 0.02)

    async def use() -> None:
        device = FakeDevice()
        plug = plug_of(device, FakeDevice())
        assert not await plug.look()
        device.hangs = True
        with pytest.raises(KasaFailed, match=r"did not answer within 0.02 s"):
            await plug.look()
        assert not await plug.look()

    asyncio.run(use())


def test_a_slow_connection_serves_the_questions_that_come_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kasa, "ANSWER_S", 0.02)

    async def use() -> int:
        found, asked = asyncio.Event(), 0

        async def connect() -> Any:
            nonlocal asked
            asked += 1
            await found.wait()
            return FakeDevice(is_on=True)

        plug = KasaPlug(connect)
        for _ in range(2):
            with pytest.raises(KasaFailed):
                await plug.look()
        found.set()
        monkeypatch.setattr(kasa, "ANSWER_S", 20)
        assert await plug.look()
        return asked

    assert asyncio.run(use()) == 1


class Talk:
    """The driver, its lines, and what it says."""

    def __init__(self, device: FakeDevice) -> None:
        self.lines = asyncio.StreamReader()
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.driver = KasaDriver(plug_of(device), self.said.put_nowait)

    async def ask(self, line: bytes) -> Any:
        """The next thing it says after a line."""
        self.lines.feed_data(line + b"\n")
        return await self.said.get()


def test_lines_are_answered_in_order_until_they_end() -> None:
    async def use() -> None:
        talk = Talk(FakeDevice())
        running = asyncio.create_task(talk.driver.run(talk.lines))
        assert await talk.ask(b'{"op": "status"}') == {"state": "off"}
        assert await talk.ask(b'{"op": "switch", "to": "on"}') == {"state": "on"}
        for line in (b"nonsense", b'{"op": "fly"}', b"[]", b'{"op": "switch", "to": "up"}'):
            assert line.decode() in (await talk.ask(line))["error"]
        talk.lines.feed_eof()
        await running

    asyncio.run(asyncio.wait_for(use(), 20))


def test_what_others_switch_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kasa, "POLL_S", 0.001)
    looked = asyncio.Queue[None]()

    class Watched(FakeDevice):
        async def update(self) -> None:
            looked.put_nowait(None)

    async def use() -> None:
        device = Watched()
        talk = Talk(device)
        running = asyncio.create_task(talk.driver.run(talk.lines))
        await talk.ask(b'{"op": "status"}')
        device.is_on = True
        assert await talk.said.get() == {"event": "state", "state": "on"}
        while not looked.empty():
            looked.get_nowait()
        for _ in range(5):
            await looked.get()
        assert talk.said.empty()
        talk.lines.feed_eof()
        await running

    asyncio.run(asyncio.wait_for(use(), 20))
