"""A whole daemon with a virtual printer, and a cloud of our own on a real websocket."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import trio

from nurseries.client.rpc_client import RpcClient
from nurseries.simplyprint import files
from nurseries.simplyprint.demands import MOST_AT_ONCE
from nurseries.testing.sockets import SocketDaemon, open_socket_daemon
from nurseries.virtual_printer.service import VirtualPrinterSettings
from tests.fakes.http_device import open_http_device, reply
from tests.fakes.simplyprint import FakeCloud, open_cloud

pytestmark = pytest.mark.e2e
CUBE = "calibration_cube.gcode"


class House:
    def __init__(self, daemon: SocketDaemon, cloud: FakeCloud, client: RpcClient) -> None:
        self.daemon, self.cloud, self.client = daemon, cloud, client

    async def connection(self) -> dict[str, Any]:
        """As server.nurseries shows it."""

        def find(tree: Any, name: str) -> Any:
            inner = list(tree.values()) if isinstance(tree, dict) else tree
            if isinstance(tree, dict) and tree.get("name") == name:
                return tree
            if isinstance(inner, list):
                return next((found for one in inner if (found := find(one, name))), None)
            return None

        whole = find(await self.client.call("server.nurseries"), "simplyprint")
        return dict(find(whole["children"], "simplyprint_connection"))

    async def gcode(self, script: str) -> None:
        await self.client.call("printer.gcode.script", script=script)


Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def open_house(tmp_path: Path) -> Open:
    @asynccontextmanager
    async def open_house(
        sections: str = "", speed: float = 1.0, options: str = ""
    ) -> AsyncIterator[House]:
        async with open_cloud() as cloud:
            text = f"[simplyprint]\nurl: {cloud.url}\n{options}\n{sections}"
            settings = VirtualPrinterSettings(speed=speed, startup_s=0.01, restart_s=0.01)
            async with (
                open_socket_daemon(tmp_path, settings=settings, sections=text) as daemon,
                daemon.connect() as client,
            ):
                yield House(daemon, cloud, client)

    return open_house


async def test_a_new_connection_is_told_everything(open_house):
    async with open_house() as house:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        await cloud.told("connection", new="connected")
        assert (await cloud.told("firmware"))["fw"]["firmware"] == "Klipper"
        assert (await cloud.told("machine_data"))["api"] == "mrk"
        assert set(await cloud.told("cpu")) <= {"usage", "temp", "memory"}
        temps = next(one for one in cloud.of("temps") if "bed" in one)
        assert set(temps) == {"tool0", "bed"}
        assert all(isinstance(value, int) for value in temps["tool0"])
        await cloud.told("tool", new=0)
        await cloud.demand("test_webcam")
        await cloud.told("webcam_status", connected=False)
        info = await house.client.call("server.info")
        assert "simplyprint" in info["components"]
        assert "simplyprint" not in str(info["warnings"] + info["failed_components"])
        assert (await house.connection())["state"] == "running"
    assert cloud.heard[-1] == {"type": "shutdown"}


async def test_nothing_runs_without_the_section(tmp_path):
    async with open_socket_daemon(tmp_path) as daemon, daemon.connect() as client:
        info = await client.call("server.info")
        assert "simplyprint" not in [*info["components"], *info["failed_components"]]


async def test_a_print_from_its_file_to_its_end(open_house):
    text = "G28\nM104 S200\nG1 X10 F600\n" + "G1 X50 F3000\nG1 X10\n" * 150

    def serve(asked: Any) -> bytes:
        return reply(text if asked.target == "/files/my%20part.gcode" else "", 200)

    async with open_house(speed=10) as house, open_http_device(serve) as device:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        url = f"{device.base}/files/my%20part.gcode"
        await cloud.demand("file", url=url, auto_start=1, job_id=77)
        await cloud.told("file_progress", state="downloading", percent=0)
        await cloud.told("file_progress", state="pending")
        await cloud.told("file_progress", state="started")
        started = await cloud.told("job_info", started=True)
        assert started == {"started": True, "filename": "my part.gcode", "job_id": "77"} | {
            key: value for key, value in started.items() if key == "time"
        }
        await cloud.told("state_change", new="printing")
        await cloud.until(lambda: any(job.get("progress", 0) > 0 for job in cloud.of("job_info")))
        assert any(temps.get("tool0", [0, 0])[1] == 200 for temps in cloud.of("temps"))
        await cloud.demand("pause")
        await cloud.told("state_change", new="paused")
        await cloud.told("job_info", paused=True)
        await cloud.demand("resume")
        states = lambda: [one["new"] for one in cloud.of("state_change")]  # noqa: E731
        await cloud.until(lambda: "printing" in states()[states().index("paused") :])
        await cloud.demand("cancel")
        await cloud.told("job_info", cancelled=True)
        stored = house.daemon.paths.gcodes / "my part.gcode"
        assert stored.read_text() == text
        listed = await house.client.call("server.files.metadata", filename="my part.gcode")
        assert listed["size"] == len(text)
        history = await house.client.call("server.history.list")
        assert history["jobs"][0]["user"] == "SimplyPrint"


async def test_a_file_waits_for_its_start_and_keeps_off_the_one_in_print(open_house):
    async with open_house() as house, open_http_device(lambda _: reply("G28\n")) as device:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        await cloud.demand("start_print")
        await cloud.told("file_progress", state="error", message="no file was fetched")
        await house.client.call("printer.print.start", filename=CUBE)
        await cloud.told("state_change", new="printing")
        await cloud.demand("file", url=f"{device.base}/{CUBE}")
        await cloud.told("file_progress", state="ready")
        assert (house.daemon.paths.gcodes / "calibration_cube_copy_1.gcode").read_text() == "G28\n"
        await cloud.demand("start_print")
        await cloud.told("file_progress", state="error", message="a print is under way")


async def test_a_file_that_cannot_be_had(open_house):
    async with open_house() as house, open_http_device(lambda _: reply("no", 404)) as device:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        for url, said in (
            (f"{device.base}/missing", "HTTP 404"),
            ("http://127.0.0.1:1/x.gcode", "cannot be fetched"),
        ):
            await cloud.demand("file", url=url, auto_start=1)
            await cloud.until(lambda said=said: said in str(cloud.of("file_progress")))
        assert [path.name for path in house.daemon.paths.gcodes.glob(".mrk-*")] == []


async def test_gcode_terminal_and_what_goes_wrong_with_them(open_house):
    async with open_house() as house:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        await cloud.demand("terminal", enabled=True)
        await cloud.demand("gcode", list=["M118 hello"], identifier="a1")
        await cloud.told("gcode_executed", identifier="a1", success=True, message="")
        await cloud.told("term_update", command="M118 hello")
        await cloud.until(lambda: any("hello" in one.get("response", "")
                                      for one in cloud.of("term_update")))  # fmt: skip
        await cloud.demand("gcode", list=["G1 X9999"], identifier="a2")
        assert (await cloud.told("gcode_executed", identifier="a2"))["success"] is False
        await cloud.demand("terminal", enabled=False)
        await cloud.demand("gcode", list=["M118 quiet"], identifier="a3")
        await cloud.told("gcode_executed", identifier="a3")
        assert not any("quiet" in str(one) for one in cloud.of("term_update"))
        await cloud.demand("gcode", list=["M112"])
        await cloud.told("state_change", new="error")
        assert "shutdown" in (await cloud.told("printer_error"))["error"].lower()


async def test_the_role_bounds_the_cloud(open_house, caplog):
    async with open_house(options="simplyprint_role: view") as house:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        await cloud.demand("gcode", list=["M118 x"], identifier="1")
        refused = await cloud.told("gcode_executed", identifier="1", success=False)
        assert "operate" in refused["message"]
        await cloud.demand("file", url="https://127.0.0.1/x.gcode")
        await cloud.told("file_progress", state="error")
        for name in ("system_restart", "api_shutdown", "pause", "start_print"):
            await cloud.demand(name)
        await cloud.until(lambda: caplog.text.count("was demanded and refused") >= 5)
        assert (await house.client.call("printer.info"))["state"] == "ready"


PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 1000


async def test_pictures(open_house):
    posted: list[Any] = []

    def serve(asked: Any) -> bytes:
        if asked.verb == "POST":
            posted.append(asked)
            return reply("{}")
        return reply(PICTURE, Content_Type="image/jpeg")

    async with open_http_device(serve) as device:
        webcam = f"[webcam bed]\nsnapshot_url: {device.base}/shot\nstream_url: /x\nrotation: 90\n"
        async with open_house(webcam) as house:
            cloud = house.cloud
            await cloud.told("webcam", flipH=False, flipV=False, rotate90=True)
            await cloud.demand("test_webcam")
            await cloud.told("webcam_status", connected=True)
            await cloud.demand("webcam_snapshot")
            stream = await cloud.told("stream")
            assert base64.b64decode(stream["base"]) == PICTURE
            await cloud.demand("webcam_snapshot", id="s1", endpoint=f"{device.base}/take")
            await cloud.until(lambda: posted)
            form = parse_qs(posted[0].body.decode())
            assert form["id"] == ["s1"]
            assert base64.b64decode(form["data"][0]) == PICTURE


async def test_no_picture_leaves_the_house_before_the_set_up(open_house, caplog):
    posted: list[Any] = []

    def serve(asked: Any) -> bytes:
        posted.extend([asked] if asked.verb == "POST" else [])
        return reply(PICTURE, Content_Type="image/jpeg")

    async with open_http_device(serve) as device:
        webcam = f"[webcam bed]\nsnapshot_url: {device.base}/shot\nstream_url: /x\n"
        async with open_house(webcam) as house:
            cloud = house.cloud
            cloud.welcome = [cloud.message("connected", in_setup=1, short_id="ABCD")]
            await cloud.close()
            cloud.heard.clear()
            await cloud.told("state_change", new="operational")
            await cloud.demand("webcam_snapshot", id="s1", endpoint=f"{device.base}/take")
            await cloud.until(lambda: "belongs to no account" in caplog.text)
            assert posted == []
            await cloud.say(cloud.message("new_token", token="t"))
            await cloud.say(cloud.message("complete_setup", printer_id=7))
            await cloud.demand("webcam_snapshot", id="s1", endpoint=f"{device.base}/take")
            await cloud.until(lambda: posted)


async def test_jobs_are_kept_while_the_cloud_is_away(open_house):
    async with open_house() as house:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        cloud.refuses = True
        await cloud.close()
        await cloud.connections(2)
        await house.client.call("printer.print.start", filename=CUBE)
        cloud.refuses = False
        started = await cloud.told("job_info", started=True)
        assert started["delay"] >= 1
        assert (await house.connection())["restarts"] >= 2


async def test_klipper_goes_and_comes_back(open_house):
    async with open_house() as house:
        await house.cloud.told("connection", new="connected")
        await house.gcode("FIRMWARE_RESTART")
        await house.cloud.told("state_change", new="offline")
        await house.cloud.told("connection", new="disconnected")
        states = lambda: [one["new"] for one in house.cloud.of("state_change")]  # noqa: E731
        await house.cloud.until(lambda: states()[-1] == "operational")


async def test_the_power_device(open_house):
    state = {"on": False}

    def serve(asked: Any) -> bytes:
        command = asked.target.rpartition("cmnd=")[2].lower()
        if command.endswith(("on", "off")):
            state["on"] = command.endswith("on")
        return reply(f'{{"POWER":"{"ON" if state["on"] else "OFF"}"}}')

    async with open_http_device(serve) as device:
        section = f"[power my_printer]\ntype: tasmota\naddress: 127.0.0.1:{device.port}\n"
        async with open_house(section) as house:
            await house.cloud.told("power_controller", on=False)
            await house.cloud.demand("psu_on")
            await house.cloud.told("power_controller", on=True)
            assert state["on"]


async def test_an_admin_cloud_restarts_mrk(open_house):
    async with open_house(options="simplyprint_role: admin") as house:
        await house.cloud.told("state_change", new="operational")
        await house.cloud.demand("api_restart")
        await house.cloud.connections(2)
        assert "shutdown" in [message["type"] for message in house.cloud.heard]
        await house.daemon.wait_generation(2)


async def test_many_demands_at_once_and_a_stop_among_them(open_house):
    async with open_house() as house:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        for number in range(MOST_AT_ONCE + 1):
            await cloud.demand("gcode", list=["G4 P60000"], identifier=f"n{number}")
        refused = await cloud.told("gcode_executed", identifier=f"n{MOST_AT_ONCE}")
        assert refused["message"] == f"{MOST_AT_ONCE} demands are under way"
        await cloud.demand("gcode", list=["M112"])
        await cloud.told("state_change", new="error")


async def test_a_print_waits_for_the_printer_only_so_long(open_house, monkeypatch):
    monkeypatch.setattr(files, "READY_S", 0.5)
    async with open_house() as house, open_http_device(lambda _: reply("G28\n")) as device:
        cloud = house.cloud
        await cloud.told("state_change", new="operational")
        await house.gcode("M112")
        await cloud.told("state_change", new="error")
        await cloud.demand("file", url=f"{device.base}/a.gcode", auto_start=True)
        await cloud.told("file_progress", state="pending")
        said = "the printer was not ready within 0.5 s"
        await cloud.told("file_progress", state="error", message=said)
        assert (house.daemon.paths.gcodes / "a.gcode").exists()


async def test_a_cloud_that_reads_nothing_holds_up_no_end(tmp_path):
    came = trio.Event()

    async def stall(stream: trio.SocketStream) -> None:
        came.set()
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, stall, 0)
        port = listeners[0].socket.getsockname()[1]
        text = f"[simplyprint]\nurl: ws://127.0.0.1:{port}/\n"
        async with open_socket_daemon(tmp_path, sections=text) as daemon:
            await came.wait()
            began = trio.current_time()
            daemon.daemon.stop()
        assert trio.current_time() - began < 3  # the limit of the whole shutdown
        nursery.cancel_scope.cancel()
