"""Time-lapse on a whole daemon: macros in a printer, a camera on loopback, Debian's ffmpeg."""

import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.klippy import KlippySettings
from nurseries.client.rpc_client import CallFailed, RpcClient
from nurseries.testing.sockets import SocketDaemon, open_socket_daemon
from nurseries.timelapse import camera as camera_module
from nurseries.virtual_printer.service import VirtualPrinterSettings
from tests.fakes.ffmpeg import FakeFfmpeg
from tests.fakes.web_server import WebServer, open_web_server, response

pytestmark = pytest.mark.e2e
TAKE = """
SET_GCODE_VARIABLE MACRO=TIMELAPSE_TAKE_FRAME VARIABLE=takingframe VALUE=True
{action_call_remote_method("timelapse_newframe", macropark={}, hyperlapse="False")}
"""
MACROS = (
    MacroSource("TIMELAPSE_TAKE_FRAME", TAKE, variables={"takingframe": False}),
    MacroSource("_SET_TIMELAPSE_SETUP", "M118 set up {rawparams}"),
    MacroSource("HYPERLAPSE", "M118 hyperlapse {rawparams}"),
    MacroSource(
        "TIMELAPSE_RENDER",
        "SET_GCODE_VARIABLE MACRO=TIMELAPSE_RENDER VARIABLE=render VALUE=True\n"
        '{action_call_remote_method("timelapse_render", byrendermacro="True")}',
        variables={"render": False},
    ),
)
SECTION = """\
[timelapse]
output_path: {folder}/videos
output_framerate: 5
{more}

[webcam bed]
stream_url: {camera}/stream
snapshot_url: {camera}/snapshot
"""
# At this speed a layer takes 0.8 s. The first frame comes when the start was seen: a daemon that
# has just begun looks at two of Klipper's beats, 0.25 s each, as long as a real printer heats.
LAYER = b"G4 P40000\nTIMELAPSE_TAKE_FRAME\n"
PRINT = b"G28\nG4 P60000\n" + LAYER * 4


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small JPEG."""
    file = tmp_path_factory.mktemp("picture") / "x.jpg"
    source = ("-f", "lavfi", "-i", "color=red:64x48", "-frames:v", "1")
    subprocess.run(["ffmpeg", "-loglevel", "error", *source, str(file)], check=True)
    return file.read_bytes()


@asynccontextmanager
async def running(
    folder: Path, camera: WebServer, more: str = ""
) -> AsyncIterator[tuple[SocketDaemon, RpcClient]]:
    (folder / "gcodes").mkdir(exist_ok=True)
    (folder / "gcodes" / "part.gcode").write_bytes(PRINT)
    section = SECTION.format(folder=folder, camera=camera.url, more=more)
    klippy = KlippySettings(macros=MACROS)
    settings = VirtualPrinterSettings(speed=50.0, klippy=klippy)
    opened = open_socket_daemon(folder, settings=settings, sections=section)
    async with opened as daemon, daemon.connect() as client:
        with trio.fail_after(60):
            yield daemon, client


async def until(client: RpcClient, action: str, *statuses: str) -> list[dict[str, Any]]:
    """Events up to the first of an action with one of some statuses."""
    events = []
    while True:
        (event,) = await client.wait_for("notify_timelapse_event")
        events.append(event)
        if event["action"] == action and event.get("status") in statuses:
            return events


async def test_a_print_becomes_a_video_that_front_ends_find(tmp_path: Path, picture: bytes) -> None:
    async with open_web_server() as camera, running(tmp_path, camera) as (daemon, client):
        camera.replies["/snapshot"] = response(picture)
        info = await client.call("server.info")
        assert "timelapse" in info["components"]
        assert info["failed_components"] == []
        assert "timelapse" not in " ".join(info["warnings"])
        assert {"timelapse", "timelapse_frames"} <= set(info["registered_directories"])
        settings = await client.call("machine.timelapse.get_settings")
        assert settings["blockedsettings"] == ["output_framerate"]
        await client.call("printer.print.start", filename="part.gcode")
        events = await until(client, "render", "success", "error")
        assert [event["action"] for event in events].count("newframe") == 4
        success = events[-1]
        assert success["status"] == "success", success
        assert success["printfile"] == "part.gcode"
        listed = await client.call("server.files.list", root="timelapse")
        names = {file["path"] for file in listed}
        assert names == {success["filename"], success["previewimage"]}
        last = await client.call("machine.timelapse.lastframeinfo")
        assert last == {"framecount": 4, "lastframefile": "frame000004.jpg"}
        async with httpx.AsyncClient() as http:
            frame = await http.get(
                f"{daemon.url}/server/files/timelapse_frames/{last['lastframefile']}"
            )
            video = await http.get(f"{daemon.url}/server/files/timelapse/{success['filename']}")
        assert frame.content == picture
        (tmp_path / "video.mp4").write_bytes(video.content)
        entries = "stream=nb_frames,width,codec_name,pix_fmt,r_frame_rate"
        probed = await trio.run_process(
            ["ffprobe", "-loglevel", "error", "-show_entries", entries, "-of", "json", "video.mp4"],
            cwd=tmp_path,
            capture_stdout=True,
        )
        (stream,) = json.loads(probed.stdout)["streams"]
        assert stream == {
            "codec_name": "h264",
            "width": 64,
            "pix_fmt": "yuv420p",
            "r_frame_rate": "5/1",
            "nb_frames": "9",
        }


async def test_the_macros_are_set_up_and_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_web_server() as camera, running(tmp_path, camera) as (_daemon, client):
        # A camera that does not answer: the head goes back all the same.
        gives_up = trio.Event()

        async def silence(stream: trio.SocketStream) -> None:
            await gives_up.wait()

        camera.replies["/snapshot"] = silence
        objects = {"gcode_macro TIMELAPSE_TAKE_FRAME": ["takingframe"]}
        monkeypatch.setattr(camera_module, "SNAPSHOT_S", 60.0)
        await client.call("printer.gcode.script", script="TIMELAPSE_TAKE_FRAME")
        while True:
            status = (await client.call("printer.objects.query", objects=objects))["status"]
            if status == {"gcode_macro TIMELAPSE_TAKE_FRAME": {"takingframe": False}}:
                break
        gives_up.set()
        await until(client, "newframe", "error")
        gives_up = trio.Event()
        monkeypatch.setattr(camera_module, "SNAPSHOT_S", 0.5)
        await client.call("printer.gcode.script", script="TIMELAPSE_TAKE_FRAME")
        (failed,) = await until(client, "newframe", "error")
        assert "no picture within" in failed["msg"]
        await client.call("machine.timelapse.post_settings", parkhead=True, parkpos="center")
        said = ""
        while "PARK_ENABLE=True" not in said:
            (said,) = await client.wait_for("notify_gcode_response")
        assert "PARK_POS=center" in said
        state = await client.call("machine.timelapse.state")
        assert (state["macros"], state["ffmpeg"]) == ("", "")
        assert "no picture" in state["camera"]


async def test_a_macro_waits_for_its_video(tmp_path: Path, picture: bytes) -> None:
    async with open_web_server() as camera, running(tmp_path, camera) as (_daemon, client):
        camera.replies["/snapshot"] = response(picture)
        await client.call("printer.gcode.script", script="TIMELAPSE_TAKE_FRAME")
        await until(client, "newframe", "success")
        await client.call("printer.gcode.script", script="TIMELAPSE_RENDER")
        await until(client, "render", "success")
        objects = {"gcode_macro TIMELAPSE_RENDER": ["render"]}
        while True:
            status = (await client.call("printer.objects.query", objects=objects))["status"]
            if status == {"gcode_macro TIMELAPSE_RENDER": {"render": False}}:
                break
            await client.wait_for("notify_proc_stat_update")


async def test_requests_without_frames(tmp_path: Path) -> None:
    async with open_web_server() as camera, running(tmp_path, camera) as (_daemon, client):
        assert (await client.call("machine.timelapse.render"))["status"] == "skipped"
        with pytest.raises(CallFailed, match="no frames"):
            await client.call("machine.timelapse.saveframes")
        assert await client.call("machine.timelapse.cancel") == {"cancelled": False}
        for name, value in (("output_framerate", 0), ("mode", "x"), ("parkhead", "perhaps")):
            with pytest.raises(CallFailed, match=name):
                await client.call("machine.timelapse.post_settings", **{name: value})
        changed = await client.call("machine.timelapse.post_settings", targetlength="20", odd=1)
        assert changed["targetlength"] == 20
        assert "odd" not in changed
        stored = await client.call("server.database.get_item", namespace="timelapse", key="config")
        assert stored["value"] == {"targetlength": 20}


async def test_settings_that_a_front_end_brings_back_from_a_backup(tmp_path: Path) -> None:
    """Mainsail stores them by their namespace; what is changed later leaves them in force."""
    async with open_web_server() as camera, running(tmp_path, camera) as (_daemon, client):
        item = {"namespace": "timelapse", "key": "config"}
        backup = {"targetlength": 25, "rotation": 400, "park_time": 0.3}
        await client.call("server.database.post_item", **item, value=backup)
        settings = await client.call("machine.timelapse.get_settings")
        assert (settings["targetlength"], settings["rotation"]) == (25, 0)
        await client.call("machine.timelapse.post_settings", saveframes=True)
        stored = await client.call("server.database.get_item", **item)
        assert stored["value"] == {"targetlength": 25, "park_time": 0.3, "saveframes": True}
        await client.call("server.database.delete_item", **item)
        settings = await client.call("machine.timelapse.get_settings")
        assert (settings["targetlength"], settings["saveframes"]) == (10, False)


async def test_a_print_goes_on_over_a_restart_and_a_render_is_cancelled(
    tmp_path: Path, picture: bytes
) -> None:
    fake = FakeFfmpeg(tmp_path / "ffmpeg")
    fake.hang()
    more = f"ffmpeg_binary_path: {fake.path}"
    async with open_web_server() as camera, running(tmp_path, camera, more) as (daemon, client):
        camera.replies["/snapshot"] = response(picture)
        # Some layers pass while nobody is there, on a slow machine more of them.
        (tmp_path / "gcodes" / "long.gcode").write_bytes(PRINT + LAYER * 8)
        await client.call("printer.print.start", filename="long.gcode")
        await until(client, "newframe", "success")
        daemon.daemon.restart()
        await daemon.wait_generation(2)
        async with daemon.connect() as again:
            await until(again, "render", "started")
            last = await again.call("machine.timelapse.lastframeinfo")
            assert last["framecount"] >= 2
            state = await again.call("machine.timelapse.state")
            assert state["render"] == "rendering"
            assert (await again.call("machine.timelapse.render"))["status"] == "running"
            await again.call("machine.timelapse.cancel")
            (*_, ended) = await until(again, "render", "error")
            assert "cancelled" in ended["msg"]


async def said_until(client: RpcClient, text: str) -> None:
    """Wait until the printer has said something."""
    said = ""
    while text not in said:
        (said,) = await client.wait_for("notify_gcode_response")


@pytest.mark.parametrize("ends", ["CANCEL_PRINT", "SDCARD_RESET_FILE"])
async def test_frames_by_time_come_as_long_as_it_prints(tmp_path: Path, ends: str) -> None:
    """A print whose file is put away, as by some cancel macros, is over as a cancelled one."""
    more = "mode: hyperlapse"
    async with open_web_server() as camera, running(tmp_path, camera, more) as (_daemon, client):
        await client.call("printer.print.start", filename="part.gcode")
        await said_until(client, "hyperlapse ACTION=START CYCLE=30")
        await client.call("printer.gcode.script", script=ends)
        await said_until(client, "hyperlapse ACTION=STOP")


async def test_one_picture_of_a_stream(tmp_path: Path, picture: bytes) -> None:
    part = b"--x\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)

    async def stream(to: trio.SocketStream) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n"
        await to.send_all(head)
        while True:
            await to.send_all(part + picture + b"\r\n")
            await trio.sleep(0.02)

    async with open_web_server() as camera, running(tmp_path, camera) as (_daemon, client):
        camera.replies["/stream"] = stream
        webcam = {"name": "only", "stream_url": f"{camera.url}/stream"}
        await client.call("server.webcams.post_item", **webcam)
        await client.call("machine.timelapse.post_settings", camera="only")
        await client.call("printer.gcode.script", script="TIMELAPSE_TAKE_FRAME")
        (event,) = await until(client, "newframe", "success", "error")
        assert event["status"] == "success", event


async def test_without_macros_and_ffmpeg_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    more = f"ffmpeg_binary_path: {tmp_path}/none\nframe_budget: 1"
    section = SECTION.format(folder=tmp_path, camera="http://127.0.0.1:1", more=more)
    opened = open_socket_daemon(tmp_path, sections=section)
    async with opened as daemon, daemon.connect() as client:
        info = await client.call("server.info")
        assert info["failed_components"] == []
        told = " ".join(info["warnings"])
        assert "16 is used" in told
        assert "no videos can be made: there is no ffmpeg" in told
        assert "timelapse.cfg" in (await client.call("machine.timelapse.state"))["macros"]
        assert not (await client.call("machine.timelapse.get_settings"))["autorender"]
