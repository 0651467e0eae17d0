"""Klipper's process killed, frozen, slow or talking junk; the daemon and its clients go on."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import RpcFailed, UnixClient, client_frame, open_websocket, receive_all
from tests.process_clock import ProcessClock

pytestmark = pytest.mark.e2e
# Longer than any answer takes that does not wait for Klipper.
AT_ONCE_S = 1.0


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with run_daemon(tmp_path) as running:
        yield running


def answers_at_once(daemon: DaemonProcess, client: UnixClient) -> None:
    clock = ProcessClock(daemon.process.popen.pid)
    began = clock.now()
    client.call("server.info")
    assert clock.waited_s(began) < AT_ONCE_S


def test_killed_in_the_middle_of_a_request(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, httpx.Client(base_url=daemon.url, timeout=20) as http:
        for _ in range(2):
            with run_printer(daemon.folder) as printer:
                client.wait_for("notify_klippy_ready")
                number = client.ask("printer.gcode.script", script="G4 P10000000")
                answers_at_once(daemon, client)
                printer.send(signal.SIGKILL)
                with pytest.raises(RpcFailed) as lost:
                    client.answer(number)
                assert lost.value.code == 503
                client.wait_for("notify_klippy_disconnected")
            answer = http.get("/printer/info")
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, 503)
            info = client.call("server.info")
            assert (info["klippy_connected"], info["klippy_state"]) == (False, "disconnected")
    assert "Traceback" not in daemon.process.said()


def test_klippers_methods_before_klipper_was_ever_seen(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, httpx.Client(base_url=daemon.url) as http:
        with pytest.raises(RpcFailed) as unknown:
            client.call("printer.objects.list")
        assert unknown.value.code == 503
        assert http.get("/printer/objects/list").status_code == 503
        with run_printer(daemon.folder):
            client.wait_for("notify_klippy_ready")
            assert "toolhead" in client.call("printer.objects.list")["objects"]


def test_frozen_and_thawed(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder) as printer:
        client.wait_for("notify_klippy_ready")
        printer.send(signal.SIGSTOP)
        numbers = [client.ask("printer.info"), client.ask("printer.objects.list")]
        with daemon.connect() as other:
            for _ in range(5):
                answers_at_once(daemon, other)
            # What mrk answers from its own memory does not wait for a frozen Klipper.
            assert other.call("server.gcode_store")["gcode_store"] is not None
        printer.send(signal.SIGCONT)
        assert client.answer(numbers[0])["state"] == "ready"
        assert "toolhead" in client.answer(numbers[1])["objects"]


def test_killed_while_frozen(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder) as printer:
        client.wait_for("notify_klippy_ready")
        printer.send(signal.SIGSTOP)
        number = client.ask("printer.info")
        answers_at_once(daemon, client)
        printer.send(signal.SIGKILL)
        with pytest.raises(RpcFailed) as lost:
            client.answer(number)
        assert lost.value.code == 503


def test_frozen_at_the_end_does_not_hold_the_daemon(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder) as printer:
        client.wait_for("notify_klippy_ready")
        printer.send(signal.SIGSTOP)
        client.ask("printer.info")
        code, seconds = daemon.process.end()
    assert code == 0
    assert seconds < 2.0


def test_junk_frames_between_answers(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder, "--fault", "junk_frames"):
        client.wait_for("notify_klippy_ready")
        for _ in range(20):
            assert client.call("printer.info")["state"] == "ready"
        status = client.call("printer.objects.query", objects={"toolhead": None})["status"]
        assert status["toolhead"]["axis_maximum"]
    assert "Traceback" not in daemon.process.said()


def test_slow_replies_hold_nobody_else(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder):
        client.wait_for("notify_klippy_ready")
        order = "VIRTUAL_FAULT KIND=slow_replies SECONDS=3 DELAY=0.7"
        client.call("printer.gcode.script", script=order)
        began = time.monotonic()
        number = client.ask("printer.info")
        with daemon.connect() as other:
            answers_at_once(daemon, other)
        assert client.answer(number)["state"] == "ready"
        assert time.monotonic() - began > 0.5


def test_a_dropped_link_is_made_again(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder):
        client.wait_for("notify_klippy_ready")
        client.ask("printer.gcode.script", script="VIRTUAL_FAULT KIND=drop_link SECONDS=0.3")
        client.wait_for("notify_klippy_disconnected")
        client.wait_for("notify_klippy_ready")
        assert client.call("printer.info")["state"] == "ready"


def test_mcu_shutdown_is_told_with_its_reason(daemon: DaemonProcess) -> None:
    with daemon.connect() as client, run_printer(daemon.folder):
        client.wait_for("notify_klippy_ready")
        client.ask("printer.gcode.script", script="VIRTUAL_FAULT KIND=mcu_shutdown")
        client.wait_for("notify_klippy_shutdown")
        assert "Timer too close" in client.call("printer.info")["state_message"]


def test_the_bridge_ends_with_klipper(daemon: DaemonProcess) -> None:
    with daemon.connect() as client:
        with run_printer(daemon.folder) as printer:
            client.wait_for("notify_klippy_ready")
            with open_websocket(daemon.port, b"/klippysocket") as bridge:
                bridge.sendall(client_frame(b'{"id":1,"method":"info","params":{}}'))
                assert b"klipper_path" in bridge.recv(1 << 16)
                printer.send(signal.SIGKILL)
                assert b"\x03\xe9Klippy Disconnected" in receive_all(bridge)
        answer = httpx.get(
            daemon.url + "/klippysocket",
            headers={
                "Connection": "Upgrade",
                "Upgrade": "websocket",
                "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            },
        )
        assert answer.status_code == 503
