"""A print from start to end on real sockets, and what interrupts it."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.processes import DaemonProcess, run_daemon, run_demo, run_printer
from tests.e2e.wire import RpcFailed, UnixClient
from tests.polling import wait_until

pytestmark = pytest.mark.e2e
CUBE = "calibration_cube.gcode"
OBJECTS = {
    "print_stats": ["state", "filename", "filament_used"],
    "virtual_sdcard": ["progress", "is_active"],
    "webhooks": ["state"],
    "pause_resume": ["is_paused"],
}


class Watcher:
    """A subscriber that remembers every value each field took, in order."""

    def __init__(self, client: UnixClient) -> None:
        self.client = client
        self.seen: dict[tuple[str, str], list[Any]] = {}
        answer = client.call("printer.objects.subscribe", objects=OBJECTS)
        self._take(answer["status"])

    def _take(self, status: dict[str, dict[str, Any]]) -> None:
        for name, fields in status.items():
            for field, value in fields.items():
                self.seen.setdefault((name, field), []).append(value)

    def until(self, name: str, field: str, value: Any) -> None:
        while self.seen[name, field][-1] != value:
            self._take(self.client.wait_for("notify_status_update")[0])

    def states(self) -> list[str]:
        return self.seen["print_stats", "state"]


def until(client: UnixClient, method: str, field: str, **params: Any) -> dict[str, Any]:
    """An answer once it has something in a field."""
    end = time.monotonic() + 30
    while not (found := client.call(method, **params))[field]:
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[DaemonProcess]:
    """A print takes seconds, so that it is seen between its start and its end."""
    with run_demo(tmp_path, speed=100.0) as daemon:
        yield daemon


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[DaemonProcess]:
    """Slow enough that a print does not end while a test talks."""
    with run_demo(tmp_path, speed=10.0) as daemon:
        yield daemon


def test_a_whole_print(fast: DaemonProcess) -> None:
    with fast.connect() as client:
        watcher = Watcher(client)
        assert client.call("printer.print.start", filename=CUBE) == "ok"
        watcher.until("print_stats", "state", "complete")
        result = client.call("printer.objects.query", objects=OBJECTS)["status"]
    assert watcher.states() == ["standby", "printing", "complete"]
    progress = watcher.seen["virtual_sdcard", "progress"]
    assert progress == sorted(progress)
    assert len(progress) >= 3
    used = watcher.seen["print_stats", "filament_used"]
    assert used == sorted(used)
    assert result["print_stats"]["filament_used"] == used[-1] > 0
    assert result["print_stats"]["filename"] == CUBE
    assert result["virtual_sdcard"]["is_active"] is False
    with fast.connect() as client:
        found = until(client, "server.analysis.estimate", "start_prints", filename=CUBE)
    assert found["start_commands"]
    assert found["start_duration"] >= 0.0


# Three objects a layer; each takes 5 s of the printer's time.
_LAYER = b"".join(
    b"EXCLUDE_OBJECT_START NAME=CUBE_%d\n" % number
    + b"G1 X100 E1 F2400\nG1 X20 E1\nEXCLUDE_OBJECT_END\n"
    for number in range(3)
)
THREE_CUBES = (
    b"G28\nM109 S180\nM83\n"
    + b"".join(b"EXCLUDE_OBJECT_DEFINE NAME=CUBE_%d\n" % number for number in range(3))
    + _LAYER * 600  # far more than is printed here
)


def test_time_left_follows_excluded_objects(slow: DaemonProcess) -> None:
    with slow.connect() as client, httpx.Client(base_url=slow.url, timeout=20) as http:
        http.post("/server/files/upload", files={"file": ("three.gcode", THREE_CUBES)})
        watcher = Watcher(client)
        client.call("printer.print.start", filename="three.gcode")
        watcher.until("print_stats", "state", "printing")
        before = until(client, "server.analysis.progress", "filename")
        client.call("printer.gcode.script", script="EXCLUDE_OBJECT NAME=CUBE_1")
        found = until(client, "server.analysis.progress", "excluded_objects")
        assert found["excluded_objects"] == ["CUBE_1"]
        # A third is left out of what is still to come.
        assert before["time_left"] > before["total_time"] * 0.9
        assert found["total_time"] < before["total_time"] * 0.9
        assert found["time_left"] < found["total_time"]
        client.call("printer.print.cancel")
        watcher.until("print_stats", "state", "cancelled")


def compacts(client: UnixClient) -> bool:
    """Whether the database is compacted, or a print stands in its way."""
    try:
        client.call("server.database.compact")
    except RpcFailed as exc:
        return exc.code != 400
    return True


def test_pause_resume_cancel(slow: DaemonProcess) -> None:
    with slow.connect() as client:
        watcher = Watcher(client)
        client.call("printer.print.start", filename=CUBE)
        watcher.until("print_stats", "state", "printing")
        wait_until(lambda: not compacts(client))
        assert client.call("printer.print.pause") == "ok"
        watcher.until("print_stats", "state", "paused")
        watcher.until("pause_resume", "is_paused", True)
        wait_until(lambda: compacts(client))  # mrk hears of the pause when the watcher does
        assert client.call("printer.print.resume") == "ok"
        watcher.until("print_stats", "state", "printing")
        assert client.call("printer.print.cancel") == "ok"
        watcher.until("print_stats", "state", "cancelled")
    assert watcher.states() == ["standby", "printing", "paused", "printing", "cancelled"]


def test_a_second_start_of_the_same_file_within_seconds_is_no_error(slow: DaemonProcess) -> None:
    with slow.connect() as client, httpx.Client(base_url=slow.url, timeout=20) as http:
        watcher = Watcher(client)
        first = http.post("/printer/print/start", params={"filename": CUBE})
        second = http.post("/printer/print/start", params={"filename": CUBE})
        assert (first.json(), second.json()) == ({"result": "ok"}, {"result": "ok"})
        watcher.until("print_stats", "state", "printing")
        with pytest.raises(RpcFailed):
            client.call("printer.print.start", filename="another.gcode")
        assert watcher.states() == ["standby", "printing"]


@pytest.mark.parametrize("method", ["printer.restart", "printer.firmware_restart"])
def test_restarts_of_klipper_are_told_in_order(fast: DaemonProcess, method: str) -> None:
    with fast.connect() as client, fast.connect() as other:
        client.call("printer.objects.subscribe", objects={"toolhead": ["homed_axes"]})
        assert client.call(method) == "ok"
        for who in (client, other):
            who.wait_for("notify_klippy_ready")
        # A subscription ends with Klipper; it is made anew by the client.
        client.call("printer.objects.subscribe", objects={"toolhead": ["homed_axes"]})
        client.call("printer.gcode.script", script="G28")
        assert client.wait_for("notify_status_update")[0]["toolhead"]["homed_axes"]
        order = klippy_notices(other, lambda: other.call("server.info"))
    assert order == []


def klippy_notices(client: UnixClient, last: Any) -> list[str]:
    """Names of the klippy notifications that wait, up to the answer of a last call."""
    last()
    return [n["method"] for n in client.notices if n["method"].startswith("notify_klippy")]


def test_each_state_of_klipper_is_told_once_and_in_order(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, daemon.connect() as client:
        with run_printer(tmp_path) as printer:
            client.wait_for("notify_klippy_ready")
            assert client.call("printer.emergency_stop") == "ok"
            client.wait_for("notify_klippy_shutdown")
            info = client.call("printer.info")
            assert info["state"] == "shutdown"
            assert "Shutdown due to webhooks request" in info["state_message"]
            with pytest.raises(RpcFailed) as refused:
                client.call("printer.gcode.script", script="G28")
            assert refused.value.code == 400
            client.call("printer.firmware_restart")
            client.wait_for("notify_klippy_disconnected")
            client.wait_for("notify_klippy_ready")
            printer.send(signal.SIGTERM)
            client.wait_for("notify_klippy_disconnected")
            assert printer.wait() == 0
            assert klippy_notices(client, lambda: client.call("server.info")) == []
        with pytest.raises(RpcFailed) as lost:
            client.call("printer.info")
        assert lost.value.code == 503


def test_emergency_stop_ends_a_running_script(slow: DaemonProcess) -> None:
    with slow.connect() as client, slow.connect() as other:
        number = client.ask("printer.gcode.script", script="G4 P10000000\nG28")
        assert other.call("printer.emergency_stop") == "ok"
        other.wait_for("notify_klippy_shutdown")
        with pytest.raises(RpcFailed, match="Shutdown due to webhooks request"):
            client.answer(number)


def test_console_lines_and_stores(fast: DaemonProcess) -> None:
    with fast.connect() as client:
        client.call("printer.gcode.script", script='RESPOND MSG="hello there"')
        assert client.wait_for("notify_gcode_response") == ["echo: hello there"]
        store = client.call("server.gcode_store", count=2)["gcode_store"]
        assert [entry["type"] for entry in store] == ["command", "response"]
        assert store[1]["message"] == "echo: hello there"
        while not (temperatures := client.call("server.temperature_store", include_monitors=True)):
            client.wait_for("notify_proc_stat_update")  # the first sample is up to a second away
        assert {"temperatures", "targets", "powers"} <= set(temperatures["extruder"])
