"""The served virtual printer over memory streams, on a clock that jumps."""

import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import trio
from trio.testing import memory_stream_pair, wait_all_tasks_blocked

from mrk.errors import MrkError
from mrk.klippy.etx import EtxDecoder, etx_frame
from mrk.virtual_printer.faults import Fault, FaultKind
from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.klippy import KlippySettings
from mrk.virtual_printer.memory_folder import MemoryFolder
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings

PRINT = "G28\nG90\nM82\nG92 E0\n" + "".join(
    f"G1 X{10 + i % 2 * 100} Y{10 + i} Z0.3 F6000\n" for i in range(40)
)


class Client:
    """Speaks Klipper's protocol on one stream and keeps what it hears."""

    def __init__(self, stream):
        self.stream = stream
        self._decoder = EtxDecoder(1 << 24)
        self._frames = []
        self._number = 0
        self.heard = []

    async def next(self):
        """The next message, junk left out; None at the end of the stream."""
        while True:
            while self._frames:
                try:
                    message = json.loads(self._frames.pop(0))
                except (ValueError, RecursionError):
                    message = None
                if not isinstance(message, dict):
                    self.heard.append("junk")
                    continue
                self.heard.append(message)
                return message
            try:
                data = await self.stream.receive_some(65536)
            except trio.BrokenResourceError:
                return None
            if not data:
                return None
            self._frames += self._decoder.feed(bytes(data))

    async def send(self, method, params=None):
        self._number += 1
        request = {"id": self._number, "method": method, "params": params or {}}
        await self.stream.send_all(etx_frame(json.dumps(request).encode()))
        return self._number

    async def reply(self, number):
        while True:
            message = await self.next()
            assert message is not None, "closed while waiting"
            if message.get("id") == number:
                return message

    async def call(self, method, params=None):
        return await self.reply(await self.send(method, params))

    async def script(self, script):
        return await self.call("gcode/script", {"script": script})

    async def status(self, name):
        found = await self.call("objects/query", {"objects": {name: None}})
        return found["result"]["status"][name]

    async def until_closed(self):
        while await self.next() is not None:
            pass

    async def until_ready(self):
        while True:
            if (await self.call("info"))["result"]["state"] != "startup":
                return
            await trio.sleep(0.1)


class House:
    """A printer that runs, and the way to connect to it."""

    def __init__(self, printer, folder, nursery):
        self.printer = printer
        self.folder = folder
        self._nursery = nursery

    def connect(self):
        ours, theirs = memory_stream_pair()
        self._nursery.start_soon(self.printer.serve_stream, theirs)
        return Client(ours)

    async def ready(self):
        client = self.connect()
        await client.until_ready()
        return client


@asynccontextmanager
async def running(**settings):
    folder = MemoryFolder()
    printer = VirtualPrinter(VirtualPrinterSettings(**settings), folder)
    async with trio.open_nursery() as nursery:
        await nursery.start(printer.serve)
        yield House(printer, folder, nursery)
        nursery.cancel_scope.cancel()


async def test_a_new_client_sees_startup_then_ready(autojump_clock):
    async with running(startup_s=0.5) as house:
        client = house.connect()
        began = trio.current_time()
        assert (await client.call("info"))["result"]["state"] == "startup"
        await client.until_ready()
        assert trio.current_time() - began == pytest.approx(0.5, abs=0.2)
        assert house.printer.state == "ready"


async def test_pushes_come_four_times_a_second_of_real_time_whatever_the_speed(autojump_clock):
    for speed in (1.0, 20.0):
        async with running(speed=speed) as house:
            client = await house.ready()
            await client.call(
                "objects/subscribe",
                {"objects": {"toolhead": None}, "response_template": {"method": "status"}},
            )
            began, first = trio.current_time(), None
            for _ in range(8):
                message = await client.next()
                first = first or message["params"]["eventtime"]
            assert trio.current_time() - began == pytest.approx(2.0, abs=0.1)
            assert message["params"]["eventtime"] - first == pytest.approx(1.75 * speed, rel=0.05)


async def test_speed_shortens_the_print_and_not_its_durations(autojump_clock):
    seen = {}
    for speed in (1.0, 50.0):
        async with running(speed=speed) as house:
            client = await house.ready()
            house.folder.files["a.gcode"] = PRINT.encode()
            await client.script("SDCARD_PRINT_FILE FILENAME=a.gcode")
            began = trio.current_time()
            while True:
                stats = await client.status("print_stats")
                if stats["state"] != "printing":
                    break
                await trio.sleep(0.1)
            seen[speed] = (trio.current_time() - began, stats["total_duration"])
    assert seen[1.0][1] == pytest.approx(seen[50.0][1], rel=0.02)
    assert seen[50.0][0] < seen[1.0][0] / 20


async def test_a_reply_overtakes_a_waiting_script(autojump_clock):
    async with running() as house:
        client = await house.ready()
        waiting = await client.send("gcode/script", {"script": "G4 P5000\nM400"})
        began = trio.current_time()
        assert (await client.call("info"))["result"]["state"] == "ready"
        assert trio.current_time() - began < 0.1
        assert (await client.reply(waiting))["result"] == {}
        assert trio.current_time() - began == pytest.approx(5.25, abs=0.2)


async def test_restart_closes_clients_and_serves_new_ones(autojump_clock):
    async with running(restart_s=1.0) as house:
        client, other = await house.ready(), house.connect()
        await client.call("gcode/subscribe_output", {"response_template": {"method": "said"}})
        assert (await client.script("RESTART"))["result"] == {}
        await client.until_closed()
        await other.until_closed()
        assert client.heard[-1]["params"]["response"] == "// Klipper state: Disconnect"
        assert house.printer.state == "disconnected"
        refused = house.connect()
        await refused.until_closed()
        await trio.sleep(1.1)
        again = house.connect()
        assert (await again.call("info"))["result"]["state"] == "startup"
        await again.until_ready()


async def test_shutdown_is_left_by_firmware_restart(autojump_clock):
    async with running() as house:
        client = await house.ready()
        await client.script("M104 S100")
        await client.call("emergency_stop")
        assert "error" in await client.script("G28")
        assert (await client.script("FIRMWARE_RESTART"))["result"] == {}
        await client.until_closed()
        await trio.sleep(1.0)
        client = await house.ready()
        assert (await client.status("extruder"))["target"] == 0.0


async def test_a_start_error_ends_in_the_state_error(autojump_clock):
    settings = KlippySettings(start_error="Option 'pin' in section 'fan' must be specified")
    async with running(klippy=settings) as house:
        client = await house.ready()
        info = (await client.call("info"))["result"]
        assert info["state"] == "error"
        assert info["state_message"].startswith("Option 'pin' in section 'fan' must be specified\n")
        assert (await client.script("G28"))["error"]["message"] == info["state_message"]


async def test_remote_methods_reach_every_client_that_registered(autojump_clock):
    macro = MacroSource("TELL", '{action_call_remote_method("tell", value=params.V|int)}')
    async with running(klippy=KlippySettings(macros=(macro,))) as house:
        clients = [await house.ready(), await house.ready()]
        for index, client in enumerate(clients):
            template = {"method": "tell", "index": index}
            await client.call(
                "register_remote_method",
                {"remote_method": "tell", "response_template": template},
            )
        assert (await clients[0].script("TELL V=7"))["result"] == {}
        expected = {"params": {"value": 7}, "method": "tell"}
        assert clients[0].heard[-2] == {**expected, "index": 0}
        assert await clients[1].next() == {**expected, "index": 1}
        await clients[1].stream.aclose()
        await clients[0].script("VIRTUAL_REMOTE_METHOD METHOD=tell VALUE=on")
        assert clients[0].heard[-2]["params"] == {"value": "on"}


async def test_a_client_that_does_not_read_is_cut_and_others_are_served(autojump_clock):
    async with running(output_limit_bytes=200_000) as house:
        good, bad = await house.ready(), house.connect()
        params = {"objects": {"gcode": None, "configfile": None}}
        for number in range(50):
            request = {"id": number, "method": "objects/query", "params": params}
            with trio.move_on_after(0.1):
                await bad.stream.send_all(etx_frame(json.dumps(request).encode()))
        await trio.sleep(1.0)
        await bad.until_closed()
        assert len(bad.heard) < 50
        assert (await good.call("info"))["result"]["state"] == "ready"


async def test_a_burst_of_requests_is_answered_in_order(autojump_clock):
    async with running() as house:
        client = await house.ready()
        frames = [etx_frame(b'{"id": %d, "method": "info"}' % number) for number in range(2000)]
        await client.stream.send_all(b"".join(frames))
        answered = [(await client.next())["id"] for _ in range(2000)]
        assert answered == list(range(2000))


async def test_an_endless_frame_ends_its_connection_only(autojump_clock):
    async with running(frame_limit_bytes=1000) as house:
        good, bad = await house.ready(), house.connect()
        await bad.stream.send_all(b"{" * 1001)
        await bad.until_closed()
        assert (await good.call("info"))["result"]["state"] == "ready"


@pytest.mark.parametrize("by_gcode", [True, False])
async def test_mcu_shutdown(autojump_clock, by_gcode):
    async with running() as house:
        client = await house.ready()
        if by_gcode:
            await client.script("VIRTUAL_FAULT KIND=mcu_shutdown")
        else:
            house.printer.order(Fault(FaultKind.MCU_SHUTDOWN))
        info = (await client.call("info"))["result"]
        assert info["state"] == "shutdown"
        assert info["state_message"].startswith("MCU 'mcu' shutdown: Timer too close\n")


async def test_slow_replies(autojump_clock):
    async with running() as house:
        client = await house.ready()
        await client.script("VIRTUAL_FAULT KIND=slow_replies SECONDS=5 DELAY=2")
        began = trio.current_time()
        await client.call("info")
        assert trio.current_time() - began == pytest.approx(2.0, abs=0.1)
        await trio.sleep(4.0)
        began = trio.current_time()
        await client.call("info")
        assert trio.current_time() - began < 0.1


async def test_drop_link_closes_and_refuses_without_a_restart(autojump_clock):
    async with running() as house:
        client = await house.ready()
        await client.script("G28 X")
        await client.send("gcode/script", {"script": "VIRTUAL_FAULT KIND=drop_link SECONDS=2"})
        await client.until_closed()
        await house.connect().until_closed()
        await trio.sleep(2.1)
        again = house.connect()
        assert (await again.call("info"))["result"]["state"] == "ready"
        assert (await again.status("toolhead"))["homed_axes"] == "x"


async def test_junk_frames_come_between_good_ones(autojump_clock):
    async with running() as house:
        client = await house.ready()
        await client.script("VIRTUAL_FAULT KIND=junk_frames SECONDS=2")
        for _ in range(8):
            assert (await client.call("info"))["result"]["state"] == "ready"
        assert client.heard.count("junk") >= 2
        await trio.sleep(2.1)
        client.heard.clear()
        await client.call("info")
        assert len(client.heard) == 1


async def test_silence_answers_nothing_until_it_is_over(autojump_clock):
    async with running() as house:
        client = await house.ready()
        await client.script("VIRTUAL_FAULT KIND=silence SECONDS=3")
        began = trio.current_time()
        assert (await client.call("info"))["result"]["state"] == "ready"
        assert trio.current_time() - began == pytest.approx(3.0, abs=0.1)


async def test_a_fault_of_the_link_outlasts_a_restart(autojump_clock):
    fault = Fault(FaultKind.SLOW_REPLIES, seconds=1e9, delay_s=0.5)
    async with running(faults=(fault,), restart_s=0.1) as house:
        client = await house.ready()
        await client.send("gcode/script", {"script": "RESTART"})
        await client.until_closed()
        await trio.sleep(0.2)
        client = await house.ready()
        began = trio.current_time()
        await client.call("info")
        assert trio.current_time() - began == pytest.approx(0.5, abs=0.1)


async def test_faults_by_option_come_at_their_time(autojump_clock):
    fault = Fault(FaultKind.MCU_SHUTDOWN, after_s=4.0)
    async with running(faults=(fault,)) as house:
        client = await house.ready()
        await trio.sleep(3.0)
        assert (await client.call("info"))["result"]["state"] == "ready"
        await trio.sleep(1.0)
        assert (await client.call("info"))["result"]["state"] == "shutdown"


async def test_cancelling_serve_closes_every_stream(autojump_clock):
    printer = VirtualPrinter(VirtualPrinterSettings(), MemoryFolder())
    ours, theirs = memory_stream_pair()
    client = Client(ours)
    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as inner:
            await inner.start(printer.serve)
            nursery.start_soon(printer.serve_stream, theirs)
            await client.call("info")
            inner.cancel_scope.cancel()
        await client.until_closed()
    assert printer.state == "disconnected"


async def test_a_client_that_vanishes_in_mid_frame_leaves_nothing(autojump_clock):
    async with running() as house:
        for _ in range(3):
            client = house.connect()
            await client.stream.send_all(b'{"id": 1, "meth')
            await client.stream.aclose()
        await wait_all_tasks_blocked()
        assert (await (await house.ready()).call("info"))["result"]["state"] == "ready"


@pytest.mark.parametrize("speed", [0.0, -1.0, 1000.1, float("nan")])
def test_a_speed_out_of_range_is_refused(speed):
    with pytest.raises(MrkError, match="speed"):
        VirtualPrinterSettings(speed=speed)


def test_the_fastest_speed_is_allowed():
    assert replace(VirtualPrinterSettings(), speed=1000.0).speed == 1000.0
