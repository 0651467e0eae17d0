"""Drivers on real HTTP, real processes and fake lines: what devices say, and how they misbehave."""

import contextlib
import hashlib
import json
import re
import sys

import pytest
import trio

from mrk.definitions.pins import Pin
from mrk.power.dialects import Tasmota
from mrk.power.states import DriverFailed, PowerState
from mrk.power.tplink import Plug
from nurseries.gpio.chips import GpioChips
from nurseries.gpio.library import GpioLibrary
from nurseries.http_client import HttpClient
from nurseries.power.drivers.device_http import TRIES, DeviceHttp
from nurseries.power.drivers.http_device import HttpDevice, ShellyDevice
from nurseries.power.drivers.lines import LineDriver
from nurseries.power.drivers.process import DriverGone, ProcessDriver
from nurseries.power.drivers.tplink_plug import TplinkDriver
from tests.fakes.gpio_chip import FakeChip, FakeGpiod
from tests.fakes.http_device import open_http_device, reply

pytestmark = pytest.mark.e2e
OUTER_S = 20
ON, OFF = PowerState.ON, PowerState.OFF


def tasmota(base):
    return HttpDevice(DeviceHttp(HttpClient(), base), Tasmota("u", "p", 1))


@contextlib.asynccontextmanager
async def run(driver):
    """What it reports, while it runs."""
    reports = []
    with trio.fail_after(OUTER_S):
        async with trio.open_nursery() as nursery:
            await nursery.start(driver.run, reports.append)
            yield reports
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (reply("<html>"), "no JSON"),
        (reply('{"POWER": '), "no JSON"),
        (reply(b"x" * 10_000_000), "longer than 256 KiB"),
        (reply("no", 401), "HTTP 401 .user or password are wrong"),
        (reply("oops", 500), "HTTP 500 oops"),
        (reply("", 302, Location="http://127.0.0.2/x"), "another host"),
        (reply("", 302, Location="http://["), "Invalid IPv6 URL"),
        (reply("", 302, Location="/again"), "redirects again and again"),
        (b"", "closed without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "in the middle"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "is not HTTP"),
    ],
)
async def test_answers_that_are_none(said, reason):
    async with open_http_device(lambda asked: said) as device:
        with trio.fail_after(OUTER_S), pytest.raises(DriverFailed, match=reason):
            await tasmota(device.base).status()


async def test_a_redirect_on_the_same_host():
    def answer(asked):
        if asked.target.startswith("/new"):
            return reply('{"POWER": "ON"}')
        return reply("", 301, Location="/new?x=1")

    async with open_http_device(answer) as device:
        assert await tasmota(device.base).status() is ON


async def test_nobody_is_there():
    with trio.fail_after(OUTER_S), pytest.raises(DriverFailed, match="cannot be reached"):
        await tasmota("http://127.0.0.1:1").status()


@pytest.mark.parametrize("host", ["127.0.0.1", "192.168..5"])
async def test_no_plug_is_there(host):
    plug = TplinkDriver(host, 1, Plug(None), None)
    with trio.fail_after(OUTER_S), pytest.raises(DriverFailed, match="cannot be reached"):
        await plug.status()


@pytest.mark.parametrize("place", ["", "/behind/a%20proxy"])
async def test_a_shelly_of_generation_2_with_a_log_in(place):
    """Digest with SHA-256; each nonce is good for two requests."""
    state, nonce = {"output": False}, [0]

    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()

    def answer(asked):
        if asked.target == f"{place}/shelly":
            return reply('{"id": "shellyplus1-a", "gen": 2, "auth_en": true}')
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', asked.headers.get("authorization", "")))
        if given.get("nonce") != f"n{nonce[0]}" or given["nc"] > "00000002":
            nonce[0] += 1
            head = f'Digest qop="auth", realm="s", nonce="n{nonce[0]}", algorithm=SHA-256'
            return reply("", 401, WWW_Authenticate=head)
        who, what = digest("admin:s:secret"), digest(f"{asked.verb}:{asked.target}")
        middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:auth"
        if given["response"] != digest(f"{who}:{middle}:{what}"):
            return reply("", 401, WWW_Authenticate="Digest wrong")
        if asked.target.startswith(f"{place}/rpc/Switch.Set"):
            state["output"] = "on=true" in asked.target
            return reply('{"was_on": false}')
        return reply(json.dumps(state))

    async with open_http_device(answer) as device:
        shelly = ShellyDevice(HttpClient(), device.base + place, "x", "secret", 0, None)
        with trio.fail_after(OUTER_S):
            assert await shelly.status() is OFF
            assert await shelly.switch(True) is ON
            assert [await shelly.status() for _ in range(4)] == [ON] * 4


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"type": "SHSW-1", "auth": true}', 200),
        # Relays of one's own have no `/shelly`; a proxy in front of one may want the log-in for it.
        ("Not found: /shelly", 404),
        ("Not found: /shelly", 401),
    ],
)
async def test_a_shelly_of_generation_1(text, status):
    def answer(asked):
        if asked.target == "/shelly":
            return reply(text, status)
        assert asked.headers["authorization"] == "Basic dTpw"
        return reply('{"ison": %s}' % ("true" if "turn=on" in asked.target else "false"))

    async with open_http_device(answer) as device:
        shelly = ShellyDevice(HttpClient(), device.base, "u", "p", 0, None)
        assert await shelly.switch(True) is ON
        assert await shelly.status() is OFF


async def test_a_shelly_in_trouble_is_asked_again_for_its_generation():
    probes = []

    def answer(asked):
        if asked.target == "/shelly":
            probes.append(1)
            return reply("busy", 503) if len(probes) <= TRIES else reply('{"gen": 3}')
        return reply('{"output": true}')

    async with open_http_device(answer) as device:
        shelly = ShellyDevice(HttpClient(), device.base, "", "", 0, None)
        with pytest.raises(DriverFailed, match="HTTP 503"):
            await shelly.status()
        assert await shelly.status() is ON


SHELL = """
state=off
while read -r line; do
    case $line in *'"to":"on"'*) state=on ;; *'"to":"off"'*) state=off ;; esac
    echo "{\\"state\\": \\"$state\\"}"
    [ "$state" = on ] && echo '{"event": "state", "state": "on"}'
done
"""


async def test_a_driver_in_shell():
    driver = ProcessDriver("lamp", ["/bin/bash", "-c", SHELL])
    async with run(driver) as reports:
        assert await driver.status() is OFF
        assert await driver.switch(True) is ON
        assert await driver.status() is ON
        assert await driver.switch(False) is OFF
    assert set(reports) == {ON}


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("exit 3", "ended with code 3"),
        ("exec >&-; sleep 60", "closed its output"),
        ("head -c 100000 /dev/zero | tr '\\0' x; sleep 60", "a line has more than"),
    ],
)
async def test_drivers_that_end(program, reason):
    driver = ProcessDriver("lamp", ["/bin/bash", "-c", program])
    with trio.fail_after(OUTER_S), pytest.raises(DriverGone, match=reason):
        await driver.run([].append)


async def test_a_driver_that_is_silent_is_ended():
    driver, reports = ProcessDriver("lamp", ["/bin/sleep", "60"]), []
    with trio.fail_after(OUTER_S):
        async with trio.open_nursery() as nursery:

            async def served():
                with pytest.raises(DriverGone, match="did not answer in time"):
                    await driver.run(reports.append)

            nursery.start_soon(served)
            while driver._process is None:  # noqa: ASYNC110 - a process starts
                await trio.sleep(0.01)
            with trio.move_on_after(0.2):
                await driver.status()
    assert reports == [PowerState.ERROR]


async def test_a_program_that_is_not_there():
    driver = ProcessDriver("lamp", ["/nonexistent/plug"])
    with trio.fail_after(OUTER_S), pytest.raises(DriverGone, match="cannot be run"):
        await driver.run([].append)


async def test_an_environment_is_handed_over():
    code = "import os; input(); print('{\"state\": \"%s\"}' % os.environ['WANTED'], flush=True)"
    driver = ProcessDriver("lamp", [sys.executable, "-c", code], {"WANTED": "on"})
    async with run(driver):
        assert await driver.status() is ON


async def test_a_relay(tmp_path):
    (tmp_path / "gpiochip0").touch()
    chip = FakeChip()
    library = GpioLibrary(FakeGpiod({str(tmp_path / "gpiochip0"): chip}), tmp_path)
    chips = GpioChips(lambda: library)
    driver = LineDriver(chips, Pin("gpiochip0", 26, inverted=True), "[power a]", begins_on=False)
    async with run(driver):
        assert await driver.status() is OFF
        assert await driver.switch(True) is ON
        assert chip.levels[26] == [True, False]
    # A new generation finds the line as it was left.
    async with run(driver):
        assert await driver.status() is ON
    assert chip.levels[26] == [True, False]


async def test_programs_of_our_own_environment_are_found():
    """`mrk-kasa` lies beside the interpreter, and a service's path does not have that folder."""
    said = "import os; print(os.environ['PATH'].split(':')[0] == os.path.dirname(sys.executable))"
    program = f"import sys; {said.replace('print(', 'ok = (')}; input(); "
    program += "print('{\"state\": \"' + ('on' if ok else 'off') + '\"}', flush=True); input()"
    driver = ProcessDriver("own", [sys.executable.rpartition("/")[2], "-c", program])
    async with run(driver):
        assert await driver.status() is ON
