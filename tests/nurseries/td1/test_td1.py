"""TD-1s on pseudo-terminals: pyserial opens them as it opens the real ones."""

import json
import os
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio

from mrk.api.caller import Caller, Transport
from mrk.api.table import Table
from nurseries.serial_ports.ports import SystemSerialPorts
from nurseries.td1.build import Td1s
from nurseries.td1.endpoints import Td1Endpoints
from nurseries.td1.ports import Td1Port, find_ports
from tests.fakes.results import read_result

pytestmark = pytest.mark.e2e
SERIAL = "E6614104"


class Meter:
    """The device's end."""

    def __init__(self) -> None:
        ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path = os.ttyname(theirs)
        self._theirs = theirs
        self.stream = trio.lowlevel.FdStream(ours)
        self._rest = b""

    async def hear(self) -> str:
        with trio.fail_after(10):
            while b"\n" not in self._rest:
                self._rest += await self.stream.receive_some()
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    async def say(self, text: str) -> None:
        await self.stream.send_all(text.encode())

    async def begin(self, answer: str = "No file named errors.txt\n") -> None:
        assert (await self.hear(), await self.hear()) == ("retrieve file", "errors.txt")
        await self.say(answer)

    async def unplug(self) -> None:
        os.close(self._theirs)
        await self.stream.aclose()


class House:
    def __init__(self, answer_s: float) -> None:
        self.meter = Meter()
        self.ports = [Td1Port(self.meter.path, SERIAL)]
        self.td1s = Td1s(
            SystemSerialPorts(), 115_200, find=lambda: self.ports, look_s=0.05, answer_s=answer_s
        )
        self.table = Table(Td1Endpoints(self.td1s.shown, self.td1s.reboot).endpoints())

    async def call(self, method: str, **params: Any) -> Any:
        found = self.table.method(f"machine.td1.{method}", Transport.UNIX)
        return await read_result(found.call(params, Caller(Transport.UNIX)))

    async def until(self, done: Any) -> dict[str, Any]:
        with trio.fail_after(10):
            while True:
                devices = (await self.call("data"))["devices"]
                if done(devices):
                    return devices
                await trio.sleep(0.02)


@asynccontextmanager
async def open_house(answer_s: float = 5.0) -> AsyncIterator[House]:
    house = House(answer_s)
    async with trio.open_nursery() as nursery:
        await nursery.start(house.td1s.serve)
        yield house
        nursery.cancel_scope.cancel()


async def test_a_device_from_its_opening_to_its_loss():
    async with open_house() as house:
        assert await house.call("data") == {"status": "ok", "devices": {}}
        await house.meter.begin()
        (first,) = (await house.until(lambda devices: devices)).values()
        assert (first["td"], first["color"], first["error"]) == (None, None, None)
        await house.meter.say("noise\n1,0,PLA,0,4.2")
        await house.meter.say("5,F2B43A\r\n")
        devices = await house.until(lambda devices: devices[SERIAL]["td"])
        assert devices[SERIAL] | {"scan_time": ""} == {
            "td": 4.25, "color": "F2B43A", "scan_time": "", "error": None,
        }  # fmt: skip
        assert devices[SERIAL]["scan_time"].endswith("Z")
        assert "+00:00" not in devices[SERIAL]["scan_time"]
        house.ports = []
        await house.until(lambda devices: not devices)


async def test_what_it_remembers_of_errors():
    async with open_house() as house:
        await house.meter.begin("ready\n40\n2\n20\nno light\n")
        assert await house.meter.hear() == "ready"
        await house.meter.say("20\ntoo dark\n")
        assert await house.meter.hear() == "ready"
        devices = await house.until(lambda devices: devices)
        assert devices[SERIAL]["error"] == "no light\ntoo dark"


async def test_one_that_is_silent_is_asked_again():
    async with open_house(answer_s=0.2) as house:
        for _ in range(3):
            await house.meter.begin("\x00\xff junk\n")
        assert (await house.call("data"))["devices"] == {}
        await house.meter.begin()
        await house.until(lambda devices: devices)


async def test_reboot():
    async with open_house() as house, trio.open_nursery() as nursery:
        assert await house.call("reboot", serial="x") == {"status": "serial_error"}
        await house.meter.begin()
        await house.until(lambda devices: devices)
        answers: list[Any] = []

        async def reboot() -> None:
            answers.append(await house.call("reboot", serial=SERIAL))

        nursery.start_soon(reboot)
        assert await house.meter.hear() == "change settings"
        await house.meter.say("ready\n")
        assert (await house.meter.hear(), await house.meter.hear()) == (
            "RGB_Enabled = True",
            "done",
        )
        await house.meter.say("ok\n")
        await house.meter.begin()  # it is found again
        await house.until(lambda devices: devices)
        assert answers == [{"status": "ok"}]


async def test_a_reboot_that_nobody_answers_has_an_end():
    async with open_house(answer_s=0.2) as house:
        await house.meter.begin()
        await house.until(lambda devices: devices)
        with trio.fail_after(5):
            assert await house.call("reboot", serial=SERIAL) == {"status": "ok"}


async def test_a_line_that_is_lost_and_one_that_cannot_be_opened(caplog):
    async with open_house() as house:
        await house.meter.begin()
        await house.until(lambda devices: devices)
        await house.meter.unplug()
        await house.until(lambda devices: not devices)
        with trio.fail_after(10):
            while "TD-1 E6614104: " not in caplog.text:  # noqa: ASYNC110
                await trio.sleep(0.05)
        house.meter = Meter()
        house.ports = [Td1Port(house.meter.path, SERIAL)]
        await house.meter.begin()
        await house.until(lambda devices: devices)


def test_the_answer_is_json_that_strict_readers_take():
    assert json.loads(msgspec.json.encode(Td1Endpoints(dict, None).data(None, None))) == {  # type: ignore[arg-type]
        "status": "ok", "devices": {},
    }  # fmt: skip


def test_no_device_is_plugged_into_a_test_machine():
    assert find_ports() == []
