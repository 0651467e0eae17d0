"""WLED strips on real HTTP and on a pseudo-terminal, which behave like the firmware."""

import contextlib
import json
import os
import tty
from pathlib import Path
from types import SimpleNamespace

import pytest
import trio

from config.settings.wled import WledHttpSettings, WledSerialSettings, WledSettings
from mrk.api.caller import INTERNAL_CALLER
from mrk.errors import ClientError
from mrk.supervision import Backoff, Supervision
from nurseries.http_client import HttpClient
from nurseries.serial_ports.ports import SystemSerialPorts
from nurseries.supervise import supervise
from nurseries.wled.links import HttpStripLink, SerialStripLink
from nurseries.wled.strip import LightStrip
from nurseries.wled.wled import Wled
from tests.fakes.http_device import open_http_device, reply
from tests.polling import until

pytestmark = pytest.mark.e2e
OUTER_S = 20


class Firmware:
    """Keeps what WLED keeps of the bodies it gets; `status` is its answer's."""

    def __init__(self):
        self.state = {"on": False, "bri": 128, "ps": -1}
        self.bodies = []
        self.status = 200
        self.dead = False

    def take(self, body):
        self.bodies.append(body)
        self.state |= {key: body[key] for key in ("on", "bri", "ps") if key in body}

    def answer(self, asked):
        if self.dead:
            return None
        assert (asked.verb, asked.target) == ("POST", "/json")
        assert asked.headers["content-type"] == "application/json"
        if self.status == 200:
            self.take(json.loads(asked.body))
        return reply('{"success":true}', self.status)


class Macros:
    def __init__(self):
        self.methods = {}

    def register_remote_method(self, name, method):
        self.methods[name] = method


@contextlib.asynccontextmanager
async def lit(link, **options):
    """The strip `case` and its endpoints, supervised as in the daemon."""
    settings = WledSettings(name="case", link=None, chain_count=3, **options)
    strip, macros = LightStrip(settings, link), Macros()
    wled = Wled([strip], macros)
    part = Supervision("wled case", backoff=Backoff(first_s=0.05, limit_s=0.1))

    async def call(name, **arguments):
        for endpoint in wled.endpoints():
            last = endpoint.path.rpartition("/")[2]
            if name in (last, f"{endpoint.verbs[0].lower()}_{last}"):
                params = arguments if endpoint.params is None else endpoint.params(**arguments)
                result = endpoint.handler(params, INTERNAL_CALLER)
                return await result if hasattr(result, "__await__") else result
        raise AssertionError(name)

    with trio.fail_after(OUTER_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(supervise, part, strip.serve)
            yield SimpleNamespace(strip=strip.strip, call=call, macros=macros.methods, part=part)
            nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def on_http(**options):
    firmware = Firmware()
    async with open_http_device(firmware.answer) as device:
        link = HttpStripLink(HttpClient(), f"{device.base}/json", 0.5)
        async with lit(link, **options) as house:
            house.firmware = firmware
            yield house


async def test_the_initial_state_and_orders_of_clients():
    async with on_http(initial_preset=4) as house:
        await until(lambda: house.strip.is_on)
        assert house.firmware.bodies == [{"on": True, "ps": 4}]
        assert (await house.call("off", case=None, attic=None))["attic"].error == "strip_not_found"
        assert house.firmware.state["on"] is False
        shown = await house.call("post_strip", strip="case", action="ON", preset=3, brightness=9)
        assert (shown["case"].preset, shown["case"].brightness) == (3, 9)
        assert house.firmware.state == {"on": True, "bri": 9, "ps": 3}
        assert (await house.call("get_strip", strip="case"))["case"] == house.strip.report
        assert (await house.call("status", case=None))["case"].status == "on"
        assert list((await house.call("strips")).strips) == ["case"]
        for arguments in ({}, {"strip": "x", "action": "on"}, {"strip": "case", "action": "x"}):
            with pytest.raises(ClientError) as refused:
                await house.call("post_strip" if arguments else "on", **arguments)
            assert refused.value.status == 400


async def test_macros_paint_in_few_bodies():
    async with on_http() as house:
        await until(lambda: house.strip.is_on)
        for number in range(300):
            house.macros["set_wled"](strip="case", red=1, index=1 + number % 3)
        await until(lambda: len(house.firmware.bodies) > 1)
        assert len(house.firmware.bodies) <= 3
        house.macros["set_wled_state"](strip="case", state="off")
        await until(lambda: not house.strip.is_on)
        assert house.firmware.state["on"] is False
        house.macros["set_wled_state"](strip="case", preset=2, speed=7)
        await until(lambda: house.strip.report.speed == 7)
        assert house.firmware.state["ps"] == 2


async def test_mistakes_of_macros_are_logged(caplog):
    async with on_http() as house:
        await until(lambda: house.strip.is_on)
        house.macros["set_wled"](strip="case", index=9)
        house.macros["set_wled"](strip="case", red="x")
        house.macros["set_wled"](strip="attic")
        house.macros["set_wled_state"](strip="case")
        for text in ("index 9 is not 1 to 3", "'x' is not a number", "'attic'", "nothing is given"):
            assert text in caplog.text


async def test_a_strip_that_is_away_comes_back():
    async with on_http() as house:
        house.firmware.status = 503
        await until(lambda: house.part.restarts > 1)
        assert house.strip.report.error == "it answers HTTP 503"
        with pytest.raises(ClientError, match="WLED: Error: strip case: it answers HTTP 503"):
            await house.call("on", case=None)
        house.firmware.status = 200
        await until(lambda: house.strip.is_on)
        assert house.strip.report.error is None


async def test_a_strip_that_hangs_holds_a_request_for_five_seconds_at_most():
    async with on_http() as house:
        await until(lambda: house.strip.is_on)
        house.firmware.dead = True
        with pytest.raises(ClientError, match="no answer within"):
            await house.call("off", case=None)
        assert house.strip.is_on


async def test_a_serial_strip_goes_and_comes_back(tmp_path):
    path = tmp_path / "strip"
    firmware = Firmware()

    def plug():
        controller, port = os.openpty()
        tty.setraw(controller)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(port))
        os.close(port)
        os.set_blocking(controller, False)
        return controller

    async def read(controller):
        decoder, text = json.JSONDecoder(), ""
        while True:
            await trio.sleep(0.01)
            with contextlib.suppress(OSError):
                text += os.read(controller, 65536).decode()
            while text:
                body, end = decoder.raw_decode(text)
                firmware.take(body)
                text = text[end:]

    link = SerialStripLink(SystemSerialPorts(), path, 115200)
    async with trio.open_nursery() as nursery, lit(link) as house:
        await until(lambda: house.part.restarts > 0)
        assert "cannot be opened" in house.part.last_error
        controller = plug()
        nursery.start_soon(read, controller)
        await until(lambda: firmware.bodies)
        assert (await house.call("off", case=None))["case"].status == "off"
        await until(lambda: firmware.state["on"] is False)
        nursery.cancel_scope.cancel()
    os.close(controller)


def test_settings_of_links():
    assert WledHttpSettings("http://x:80/json").timeout_s == 2.0
    assert WledSerialSettings(Path("/dev/x")).baud == 115200
