"""A display on a pseudo-terminal, and a whole daemon with a virtual printer behind it."""

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import serial
import trio

from nurseries.client.rpc_client import RpcClient
from nurseries.paneldue import display as display_module
from nurseries.testing.sockets import SocketDaemon, open_socket_daemon
from nurseries.virtual_printer.service import VirtualPrinterSettings
from tests.fakes.display import FakeDisplay

pytestmark = pytest.mark.e2e
SECTION = """[paneldue]
serial: {serial}
baud: {baud}
macros:
    PAUSE
    M117 Hello there
non_trivial_keys:
    echo
"""


class House:
    def __init__(self, daemon: SocketDaemon, display: FakeDisplay, client: RpcClient) -> None:
        self.daemon, self.display, self.client = daemon, display, client

    async def part(self) -> dict[str, Any]:
        """As server.nurseries shows it."""

        def find(tree: Any) -> Any:
            if isinstance(tree, dict):
                if tree.get("name") == "paneldue":
                    return tree
                tree = list(tree.values())
            if isinstance(tree, list):
                return next((found for one in tree if (found := find(one))), None)
            return None

        return find(await self.client.call("server.nurseries"))

    async def until_part(self, state: str) -> None:
        with trio.fail_after(10):
            while (await self.part())["state"] != state:  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.02)

    async def until_status(self, letter: str) -> dict[str, Any]:
        return await self.display.until("M408 S1", lambda told: told["status"] == letter)


Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def open_house(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_house(speed: float = 1.0, baud: int = 57_600) -> AsyncIterator[House]:
        display = FakeDisplay(tmp_path / "display")
        display.plug()
        data = tmp_path / "data"
        data.mkdir()
        sections = SECTION.format(serial=display.link, baud=baud)
        settings = VirtualPrinterSettings(speed=speed, startup_s=0.01, restart_s=0.01)
        async with (
            open_socket_daemon(data, settings=settings, sections=sections) as daemon,
            daemon.connect() as client,
        ):
            yield House(daemon, display, client)
        await display.stream.aclose()

    return open_house


async def test_status_files_and_what_it_is_in_server_nurseries(open_house):
    async with open_house() as house:
        first = await house.until_status("I")
        assert first["myName"] == "Klipper"
        assert first["firmwareName"].startswith("Repetier | Klipper ")
        assert (first["numTools"], first["geometry"], first["axes"]) == (1, "cartesian", 3)
        assert len(first["heaters"]) == len(first["hstat"]) == 2
        info = await house.client.call("server.info")
        assert "paneldue" in info["components"]
        assert "paneldue" not in info["failed_components"]
        part = await house.part()
        assert (part["state"], part["essential"]) == ("running", False)

        gcodes = house.daemon.paths.gcodes
        (gcodes / "sub").mkdir()
        (gcodes / "sub" / "ü.gcode").write_text("G28\n")
        assert await house.display.ask("M20 S2 P/") == {
            "dir": "/gcodes", "files": ["*sub", "calibration_cube.gcode"],
        }  # fmt: skip
        assert (await house.display.ask('M20 S2 P"0:/gcodes/sub"'))["files"] == ["ü.gcode"]
        macros = ["PAUSE", "M117", "RESTART", "FIRMWARE_RESTART"]
        assert (await house.display.ask("M20 S2 P/macros"))["files"] == macros
        assert (await house.display.ask("M20 S2 P/nowhere"))["err"] == 1
        assert await house.display.ask("M36") == {"err": 1}
        about = await house.display.until("M36 0:/calibration_cube.gcode", lambda a: not a["err"])
        assert about["size"] == (gcodes / "calibration_cube.gcode").stat().st_size
        assert about["lastModified"].startswith("T")

        await house.display.say("M30 sub/ü.gcode")
        await house.display.say("M30 sub/ü.gcode")
        assert "sub/ü.gcode is not deleted" in await house.display.response("deleted")
        assert not (gcodes / "sub" / "ü.gcode").exists()


async def test_a_print_from_the_display(open_house):
    async with open_house(speed=20) as house:
        await house.until_status("I")
        await house.display.say("M32 calibration_cube.gcode")
        await house.until_status("P")
        about = await house.display.ask("M36")
        assert about.get("fileName", "calibration_cube.gcode") == "calibration_cube.gcode"
        told = await house.display.until("M408 S0", lambda told: "fraction_printed" in told)
        assert 0 < told["fraction_printed"] <= 1
        assert told["timesLeft"]
        await house.display.say("M25")
        await house.until_status("A")
        await house.display.say("M24")
        await house.until_status("P")
        await house.display.say("M0")
        await house.until_status("I")


async def test_macros_boxes_beeps_and_errors(open_house):
    async with open_house() as house:
        await house.until_status("I")
        await house.display.say("M98 P/macros/M117")
        await house.display.until("M408 S0", lambda told: told.get("message") == "Hello there")
        assert (await house.display.ask("M98 P/macros/RESTART"))["msgBox.msg"] == "Run RESTART?"
        await house.display.say("M292 P1")
        await house.display.say("M98 P/macros/NONE")
        assert "no macro NONE" in await house.display.response("!!")
        await house.display.say("G1 X9999")
        said = await house.display.response("Error executing")
        assert said == "!! Error executing script G1 X9999"
        call = "VIRTUAL_REMOTE_METHOD METHOD=paneldue_beep"
        await house.display.say(f"{call} FREQUENCY=x")
        await house.display.say(f"{call} FREQUENCY=440 DURATION=0.5")
        assert await house.display.hear() == {"beep_freq": 440, "beep_length": 500}
        assert (await house.display.ask("M98 P/macros/RESTART"))["msgBox.seq"] == 2
        await house.display.say("M292 P0")
        with trio.fail_after(10):  # told unasked
            while (await house.display.hear()) != {"status": "O"}:
                pass
        await house.until_status("I")


async def test_a_flood_of_console_lines(open_house):
    async with open_house() as house:
        await house.until_status("I")
        await house.client.call("printer.gcode.script", script="M118 x\n" * 5000 + "M118 last")
        assert await house.display.response("last") == "echo: last"
        assert (await house.part())["restarts"] == 0


async def test_an_emergency_stop_needs_no_checksum(open_house):
    async with open_house() as house:
        await house.until_status("I")
        await house.display.write(b"\xff\x00 m112 noise*1\n")
        await house.until_status("S")
        await house.client.call("server.restart")
        await house.daemon.daemon.wait_generation(2)
        async with house.daemon.connect() as house.client:
            await house.until_part("running")
            await house.display.until("M408 S1", lambda told: len(told.get("heaters", ())) == 2)
            assert (await house.display.ask())["status"] == "S"


async def test_bad_sums_half_lines_noise_and_numbers_that_begin_anew(open_house):
    async with open_house() as house:
        await house.until_status("I")
        await house.display.write(b"N77 M408 S1 R3*99\n")
        assert await house.display.response("!!") == "!! Invalid Checksum Line Number: 77"
        for part in (b"N12 M4", b"08 S1", b" R3*3", b"1\r"):
            await house.display.write(part)
            await trio.sleep(0.02)
        await house.display.write(b"\n")
        assert "myName" in await house.display.hear()
        house.display.number = -1
        assert (await house.display.ask())["status"] == "I"
        for _ in range(20):
            await house.display.write(os.urandom(3000).replace(b"\n", b"").replace(b"112", b""))
        await house.display.write(b"\n\n\r\n")
        assert (await house.display.ask())["status"] == "I"
        for _ in range(20):
            await house.display.write(b"N1 M104 S0*\n" * 100)
        assert "Invalid Checksum" in await house.display.response("!!")
        assert (await house.part())["restarts"] == 0


async def test_a_display_that_goes_and_comes_back(open_house):
    async with open_house() as house:
        await house.until_status("I")
        assert "dir" not in await house.display.ask()
        await house.display.unplug()
        await house.until_part("waiting")
        house.display.plug()
        # The first answer of a connection has it; what is asked before the opening is dropped.
        await house.display.until("M408 S0", lambda told: "dir" in told)
        part = await house.part()
        assert part["restarts"] >= 1
        assert "lost" in part["last_error"] or "cannot be opened" in part["last_error"]


async def test_a_display_that_reads_nothing_is_begun_anew(open_house, monkeypatch):
    monkeypatch.setattr(display_module, "SEND_S", 0.3)
    async with open_house(baud=4_000_000) as house:
        await house.until_status("I")
        folder = house.daemon.paths.gcodes / "many"
        folder.mkdir()
        for number in range(900):
            (folder / f"{number:0120}.txt").touch()
        await house.display.say("M20 S2 P/gcodes/many")  # more than the system keeps
        with trio.fail_after(10):
            while not (await house.part())["restarts"]:  # noqa: ASYNC110 - seen from outside
                await trio.sleep(0.02)
        assert "the display took nothing" in (await house.part())["last_error"]


async def test_pyserial_is_the_stranger(open_house, tmp_path):
    """Through socat's pair of terminals."""
    ends = [tmp_path / "ours", tmp_path / "theirs"]
    pair = [f"pty,raw,echo=0,link={end}" for end in ends]
    async with trio.open_nursery() as nursery:
        process = await nursery.start(trio.run_process, ["socat", *pair])
        with trio.fail_after(10):
            while not all(end.exists() for end in ends):  # noqa: ASYNC110 - socat makes them
                await trio.sleep(0.02)
        (tmp_path / "display").unlink(missing_ok=True)
        async with open_socket_daemon_at(tmp_path / "x", ends[0]):
            told = await trio.to_thread.run_sync(_ask_by_pyserial, ends[1])
        process.terminate()
        nursery.cancel_scope.cancel()
    assert b'"firmwareName":"Repetier | Klipper ' in told


@asynccontextmanager
async def open_socket_daemon_at(data: Path, port: Path) -> AsyncIterator[SocketDaemon]:
    data.mkdir()
    async with open_socket_daemon(
        data, sections=SECTION.format(serial=port, baud=57_600)
    ) as daemon:
        yield daemon


def _ask_by_pyserial(path: Path) -> bytes:
    with serial.Serial(str(path), 57_600, timeout=5) as port:
        for _ in range(100):
            port.write(b"N12 M408 S1 R3*31\n")
            told = port.read_until(b"\r\n")
            if b'"status":"I"' in told:
                break
            time.sleep(0.1)
    return told
