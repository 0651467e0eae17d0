"""Our own tplink_smartplug and the driver `mrk-kasa` against a simulated plug and strip.

The simulator is `tplink-smarthome-simulator` of npm, which `nox -s strangers` installs; python-kasa
looks at what was switched.
"""

import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from mrk.power.states import DriverFailed, PowerState
from mrk.power.tplink import HEAD_BYTES, Plug, body_size, decode, encode
from nurseries.power.drivers.process import ProcessDriver
from nurseries.power.drivers.tplink_plug import TplinkDriver

pytestmark = [pytest.mark.e2e, pytest.mark.strangers]
MODULES = Path("build/strangers/node_modules")
OUTER_S = 60
ON, OFF = PowerState.ON, PowerState.OFF
SIMULATOR = """
const { Device } = require('tplink-smarthome-simulator');
const data = { alias: 'Lamp', mac: '50:c7:bf:8f:58:18', deviceId: 'A100' };
const device = new Device({ port: 0, address: '127.0.0.1', model: process.argv[1], data });
device.start().then(() => console.log(device.port || device.server.address().port));
"""


@contextlib.asynccontextmanager
async def simulated(model: str) -> AsyncIterator[int]:
    """The port of a device of that model."""
    assert (MODULES / "tplink-smarthome-simulator").is_dir(), "run `nox -s strangers`"
    command = ["node", "-e", SIMULATOR, model]
    start = partial(
        trio.run_process,
        command,
        cwd=MODULES.parent,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        check=False,
    )
    with trio.fail_after(OUTER_S):
        async with trio.open_nursery() as nursery:
            process = await nursery.start(start)
            said = b""
            while b"\n" not in said:
                data = await process.stdout.receive_some()
                assert data, "the simulator ended"
                said += data
            yield int(said)
            process.kill()


@contextlib.asynccontextmanager
async def kasa_driver(port: int, *arguments: str) -> AsyncIterator[ProcessDriver]:
    """`mrk-kasa` while it runs."""
    program = [sys.executable, "-m", "nurseries.power.drivers.kasa", "127.0.0.1"]
    driver = ProcessDriver("lamp", [*program, "--port", str(port), *arguments])
    async with trio.open_nursery() as nursery:
        await nursery.start(driver.run, lambda _state: None)
        yield driver
        nursery.cancel_scope.cancel()


async def seen_by_kasa(port: int) -> list[bool]:
    """What python-kasa itself says of the device's outlets."""
    program = (
        "import asyncio, json, sys; from kasa import Device, DeviceConfig\n"
        "async def look():\n"
        "    config = DeviceConfig('127.0.0.1', port_override=int(sys.argv[1]))\n"
        "    device = await Device.connect(config=config); await device.update()\n"
        "    print(json.dumps([one.is_on for one in device.children] or [device.is_on]))\n"
        "    await device.disconnect()\n"
        "asyncio.run(look())"
    )
    command = [sys.executable, "-c", program, str(port)]
    done = await trio.run_process(command, capture_stdout=True)
    found: list[bool] = json.loads(done.stdout)
    return found


async def rules(port: int) -> list[dict[str, Any]]:
    """The plug's countdowns."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        await stream.send_all(encode({"count_down": {"get_rules": {}}}))
        said = b""
        while len(said) < HEAD_BYTES or len(said) < HEAD_BYTES + body_size(said[:HEAD_BYTES]):
            said += await stream.receive_some()
    found: list[dict[str, Any]] = decode(said[HEAD_BYTES:])["count_down"]["get_rules"]["rule_list"]
    return found


async def test_our_own_driver_and_a_plug() -> None:
    async with simulated("hs100") as port:
        driver = TplinkDriver("127.0.0.1", port, Plug(None))
        assert await driver.status() is OFF
        assert await driver.switch(True) is ON
        assert await driver.status() is ON
        assert await seen_by_kasa(port) == [True]


async def test_our_own_driver_and_the_countdown() -> None:
    """The simulator keeps the rule, one at most, but does not carry it out."""
    async with simulated("hs100") as port:
        driver = TplinkDriver("127.0.0.1", port, Plug(None), delay_s=7)
        await driver.switch(True)
        for _ in range(2):
            assert await driver.switch(False) is OFF
            (rule,) = await rules(port)
            assert (rule["delay"], rule["act"], rule["enable"]) == (7, 0, 1)


async def test_our_own_driver_and_a_strip() -> None:
    async with simulated("hs300") as port:
        driver = TplinkDriver("127.0.0.1", port, Plug(1))
        before = await seen_by_kasa(port)
        await driver.switch(not before[1])
        assert await seen_by_kasa(port) == [before[0], not before[1], *before[2:]]


async def test_mrk_kasa_and_a_plug() -> None:
    async with simulated("hs110") as port, kasa_driver(port) as driver:
        assert await driver.switch(True) is ON
        assert await seen_by_kasa(port) == [True]
        assert await driver.switch(False) is OFF
        assert await TplinkDriver("127.0.0.1", port, Plug(None)).switch(True) is ON
        assert await driver.status() is ON


async def test_mrk_kasa_and_a_strip() -> None:
    async with simulated("hs300") as port, kasa_driver(port, "--outlet", "3") as driver:
        before = await seen_by_kasa(port)
        await driver.switch(not before[2])
        assert await seen_by_kasa(port) == [*before[:2], not before[2], *before[3:]]


async def test_mrk_kasa_where_nobody_is() -> None:
    with trio.fail_after(OUTER_S):
        async with kasa_driver(9) as driver:
            with pytest.raises(DriverFailed):
                await driver.status()
