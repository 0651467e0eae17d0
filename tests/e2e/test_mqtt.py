"""A daemon on a real broker: Home Assistant, ends of all kinds, floods; nobody else notices."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.e2e.test_hostile import under_watch
from tests.fakes.hook_server import hook_server
from tests.fakes.mosquitto import Mosquitto, Stranger, run_mosquitto

pytestmark = pytest.mark.e2e
OPTIONS = """\
[mqtt]
address: 127.0.0.1
port: {port}
username: mrk
password: {{% if True %}}planted-mqtt-password{{% endif %}}
instance_name: shop
enable_moonraker_api: True
mqtt_role: admin
enable_homeassistant_discovery: True
status_objects:
  print_stats
  toolhead=position
"""
CAMERA = """
[webcam_proxy]
cameras: webcam {port}
[webcam bed]
stream_url: /webcam/?action=stream
snapshot_url: /webcam/?action=snapshot
"""
USERS = {"mrk": "planted-mqtt-password", "other": "x"}
SERVER, PRINTER = "shop/moonraker/status", "shop/homeassistant/printer"
REQUEST, RESPONSE = "shop/moonraker/api/request", "shop/moonraker/api/response"
# What Home Assistant may show as there although it is gone.
GONE_S = 5.0


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with run_mosquitto(tmp_path / "broker", users=USERS) as broker:
        yield broker


@pytest.fixture
def daemon(tmp_path: Path, broker: Mosquitto) -> Iterator[DaemonProcess]:
    options = OPTIONS.format(port=broker.port)
    with (
        run_daemon(tmp_path / "data", options) as daemon,
        run_printer(tmp_path / "data", "--speed", "20"),
    ):
        daemon.wait_klippy()
        yield daemon


def stranger(broker: Mosquitto) -> Stranger:
    return broker.stranger(user="other", password="x")


def rpc(method: str, id: object = 1, **params: object) -> str:
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": id})


def test_a_printer_in_home_assistant_and_the_end_of_both(tmp_path: Path, broker: Mosquitto) -> None:
    folder, options = tmp_path / "data", OPTIONS.format(port=broker.port)
    with stranger(broker) as home, run_daemon(folder, options) as daemon:
        home.subscribe("shop/#", 1)
        home.subscribe("homeassistant/#", 1)
        with run_printer(folder) as printer:
            state = home.until("shop/homeassistant/state", lambda h: h.json["state"] == "standby")
            home.until(PRINTER, lambda heard: heard.payload == b"online")
            assert "extruder" in state.json["temperatures"]
            kinds = {heard.topic.split("/")[1] for heard in home.heard if "/config" in heard.topic}
            assert kinds == {"sensor", "binary_sensor", "button"}
            printer.send(signal.SIGKILL)
            home.until(PRINTER, lambda heard: heard.payload == b"offline", within_s=GONE_S)
        daemon.process.send(signal.SIGKILL)
        gone = home.until(SERVER, within_s=GONE_S)
        assert gone.json == {"server": "offline"}


def test_home_assistant_sees_a_camera_behind_the_webcam_proxy(
    tmp_path: Path, broker: Mosquitto
) -> None:
    """Without nginx nobody answers at port 80: the picture is the camera's own."""
    with hook_server() as camera, stranger(broker) as home:
        options = OPTIONS.format(port=broker.port) + CAMERA.format(port=camera.port)
        home.subscribe("shop/homeassistant/camera/#", 1)
        with run_daemon(tmp_path / "data", options):
            assert home.next().payload == b"{}"
        assert camera.requests[0].path == "/?action=snapshot"


def test_requests_and_status(broker: Mosquitto, daemon: DaemonProcess) -> None:
    with stranger(broker) as client:
        client.subscribe(RESPONSE, 1)
        client.publish(REQUEST, rpc("server.info", 7))
        answer = client.until(RESPONSE).json
        assert (answer["id"], answer["result"]["klippy_state"]) == (7, "ready")
        assert "mqtt" in answer["result"]["components"]
        client.subscribe("shop/klipper/status")
        client.publish(REQUEST, rpc("printer.gcode.script", 8, script="G28"))
        moved = client.until("shop/klipper/status", lambda h: "toolhead" in h.json["status"])
        assert set(moved.json["status"]["toolhead"]) == {"position"}
        client.subscribe("shop/light")
        message = "TOPIC=light PAYLOAD=on USE_PREFIX=true"
        call = f"VIRTUAL_REMOTE_METHOD METHOD=publish_mqtt_topic {message}"
        client.publish(REQUEST, rpc("printer.gcode.script", "macro", script=call))
        assert client.until("shop/light").payload == b"on"
        # Nothing is pushed, so what happened is asked for.
        client.publish(REQUEST, rpc("server.events.since", 9))
        begun = client.until(RESPONSE, lambda h: h.json["id"] == 9).json["result"]
        client.publish(REQUEST, rpc("printer.gcode.script", 10, script="M118 heard"))
        client.until(RESPONSE, lambda h: h.json["id"] == 10)
        position = {"epoch": begun["epoch"], "seq": begun["seq"]}
        client.publish(REQUEST, rpc("server.events.since", 11, **position))
        found = client.until(RESPONSE, lambda h: h.json["id"] == 11).json["result"]
        assert found["continuity"] == "complete"
        assert "echo: heard" in [event["params"][0] for event in found["events"]]


def test_the_password_is_nowhere(broker: Mosquitto, daemon: DaemonProcess) -> None:
    with stranger(broker) as client, daemon.connect() as unix:
        config = unix.call("server.config")["config"]["mqtt"]
        assert "planted" not in json.dumps(config)
        client.subscribe("shop/#")
        client.until(SERVER)
        assert not any(b"planted" in heard.payload for heard in client.heard)
    daemon.process.end()
    assert "planted" not in daemon.process.said()
    for log in (daemon.folder / "logs").glob("*"):
        assert "planted" not in log.read_text()


def test_a_restart_says_goodbye_and_comes_back(broker: Mosquitto, daemon: DaemonProcess) -> None:
    with stranger(broker) as client, daemon.connect() as unix:
        client.subscribe(SERVER, 1)
        client.until(SERVER, lambda heard: heard.json == {"server": "online"})
        unix.call("server.restart")
        client.until(SERVER, lambda heard: heard.json == {"server": "offline"})
        client.until(SERVER, lambda heard: heard.json == {"server": "online"})
        code, seconds = daemon.process.end()
        assert (code, client.until(SERVER).json) == (0, {"server": "offline"})
        assert seconds < 2.0


def test_a_frozen_broker_does_not_hold_the_end(broker: Mosquitto, daemon: DaemonProcess) -> None:
    with stranger(broker) as client:
        client.subscribe(SERVER)
        client.until(SERVER, lambda heard: heard.json == {"server": "online"})
        broker.freeze()
        code, seconds = daemon.process.end()
        assert code == 0
        assert seconds < 2.0
        broker.thaw()
        client.until(SERVER, lambda heard: heard.json == {"server": "offline"})


def attack(broker: Mosquitto, client: Stranger) -> None:
    """Junk, 10 MB, wrong types, bursts of requests, a broker that freezes and dies."""
    for junk in (b"\xff" * 10_000_000, b"{" * 900_000, b"[1,2", b"", b"7", b'{"jsonrpc":"2.0"}'):
        client.publish(REQUEST, junk, 1)
    for number in range(1000):
        client.publish(REQUEST, rpc("server.info", number))
    for number in range(1000):
        client.publish(REQUEST, rpc("server.files.list", number))
    broker.freeze()
    time.sleep(0.5)
    broker.thaw()


def test_others_do_not_notice(broker: Mosquitto, daemon: DaemonProcess) -> None:
    with daemon.connect() as unix, stranger(broker) as client:
        client.subscribe(RESPONSE, 1)
        name = next((daemon.folder / "gcodes").glob("*.gcode")).name
        unix.call("printer.print.start", filename=name)
        with under_watch(daemon):
            attack(broker, client)
        with under_watch(daemon):
            broker.kill()
            stats = unix.call("printer.objects.query", objects={"print_stats": ["state"]})
            assert stats["status"]["print_stats"]["state"] in ("printing", "complete")
            broker.start()
    with stranger(broker) as client:
        client.subscribe(SERVER, 1)
        client.until(SERVER, lambda heard: heard.json == {"server": "online"})


def test_two_daemons_of_one_name(tmp_path: Path, broker: Mosquitto) -> None:
    options = OPTIONS.format(port=broker.port)
    with (
        stranger(broker) as home,
        run_daemon(tmp_path / "one", options) as one,
        run_daemon(tmp_path / "two", options) as two,
    ):
        home.subscribe("#", 1)
        home.until("shop/moonraker/status", lambda heard: heard.json == {"server": "online"})
        both = {"shop"}
        while len(both) < 2:
            heard = home.next()
            if heard.topic.endswith("/moonraker/status"):
                both.add(heard.topic.split("/")[0])
        (suffixed,) = both - {"shop"}
        assert suffixed.startswith("shop-")
        told = []
        for daemon in (one, two):
            with daemon.connect() as unix:
                warnings = unix.call("server.info")["warnings"]
                told += [text for text in warnings if suffixed in text and "instance_name" in text]
        assert len(told) == 1
