"""What power devices, notifier and zeroconf cost while nothing happens, and a switch while it does.

Daemons with and without them run side by side on one scripted Klippy and one Mosquitto; the HTTP
devices are threads of this process, and take a known time to answer.
"""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.clients import HOST, Client
from benchmarks.daemon import (
    ROOT,
    Daemon,
    DaemonFailed,
    open_daemon,
    tail,
    temporary_folder,
)
from benchmarks.figures import Figure
from benchmarks.klippy_replay import open_replay_process
from benchmarks.mqtt import open_broker
from benchmarks.plan import Plan
from benchmarks.process import MB, Meter, memory
from benchmarks.statistics import percentile

DEVICES = 10
POLL_S = 5
_ANSWER_S = 0.02
_PATIENCE_S = 20.0
_BROKER = "\n[mqtt]\naddress: {host}\nport: {port}\ninstance_name: bench\n"
_HTTP = """
[power http{number}]
type: http
on_url: http://{host}:{port}/{number}?to=ON
off_url: http://{host}:{port}/{number}?to=OFF
status_url: http://{host}:{port}/{number}
response_template:
  {{http_request.last_response().json().POWER|lower}}
"""
_TASMOTA = "\n[power tasmota{number}]\ntype: tasmota\naddress: {host}:{port}\n"
_MQTT = """
[power mqtt{number}]
type: mqtt
command_topic: bench/{number}/set
state_topic: bench/{number}/state
"""
# Any template loads Jinja2, and most configurations have one.
_TEMPLATE = """
[sensor bench]
type: mqtt
state_topic: bench/sensor
state_response_template:
  {set_result("power", payload|float)}
parameter_power:
  units=W
"""
_POLLED = f"poll_interval: {POLL_S}\n"
_NOTIFIER = "\n[notifier bench]\nurl: json://127.0.0.1:9/\nevents: *\nbody: {event_name}\n"
_ZEROCONF = "\n[zeroconf]\n"
_IMPORT = """
import sys, nurseries.root.daemon
from benchmarks.process import memory
before = memory("self").rss
import {module}
print(memory("self").rss - before)
"""


class Devices:
    """HTTP switches that answer as Tasmota does, each request after `answer_s`."""

    def __init__(self, answer_s: float = 0.0) -> None:
        self.requests = 0
        devices, on = self, [True]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path.upper().endswith(("ON", "OFF")):
                    on[0] = self.path.upper().endswith("ON")
                body = json.dumps({"POWER": "ON" if on[0] else "OFF"}).encode()
                time.sleep(answer_s)
                devices.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is printed."""

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()


def measure_devices(plan: Plan) -> list[Figure]:
    """Idle memory and polls of ten devices, and a switch of one."""
    return [*_idle(plan), *_switched(plan)]


def _sections(kinds: str, port: int, extra: str = "") -> str:
    """Devices of the kinds in turn."""
    kind = {"http": _HTTP, "tasmota": _TASMOTA, "mqtt": _MQTT}
    turns = kinds.split()
    texts = (kind[turns[number % len(turns)]] + extra for number in range(DEVICES))
    return "".join(
        text.format(number=number, host=HOST, port=port) for number, text in enumerate(texts)
    )


def _idle(plan: Plan) -> list[Figure]:
    with (
        temporary_folder() as folder,
        open_broker(folder) as broker,
        contextlib.closing(Devices()) as devices,
        open_replay_process(folder / "klippy.sock"),
        contextlib.ExitStack() as stack,
    ):
        base = _BROKER.format(host=HOST, port=broker)
        wanted = {
            "bare": base,
            "template": base + _TEMPLATE,
            "devices": base + _TEMPLATE + _sections("http mqtt tasmota mqtt", devices.port),
            "polled": base + _sections("http tasmota", devices.port, _POLLED),
            "notifier": base + _NOTIFIER,
            "zeroconf": base + _ZEROCONF,
        }
        opened = {
            name: stack.enter_context(_open(folder / name, folder / "klippy.sock", text))
            for name, text in wanted.items()
        }
        # The first poll of announcements loads the HTTP client, with or without devices.
        time.sleep(2 * plan.settle_s)
        grown = {
            name: (memory(daemon.pid).rss - memory(opened["bare"].pid).rss) / MB
            for name, daemon in opened.items()
        }
        meters = {name: Meter(opened[name].pid) for name in ("bare", "polled")}
        before = devices.requests
        time.sleep(3 * plan.idle_s)
        share = {name: 100 * meter.read().share() for name, meter in meters.items()}
        polls = devices.requests - before
    return [
        _grown("template", "the first template", grown["template"], None, "[sensor]; Jinja2"),
        _grown(
            "devices",
            f"{DEVICES} HTTP and MQTT power devices",
            grown["devices"] - grown["template"],
            0.5,
            "Rss, more than a daemon with [mqtt] and a template that started beside it",
        ),
        *_library("notifier", "apprise", grown["notifier"], "its process sends, and ends then"),
        *_library("zeroconf", "zeroconf", grown["zeroconf"], "loaded when it begins"),
        Figure(
            name="devices_polls",
            what=f"{DEVICES} HTTP devices, polled every {POLL_S} s: CPU",
            value=share["polled"] - share["bare"],
            unit="% of a core",
            budget=0.1,
            note=f"{polls} polls in {3 * plan.idle_s:.0f} s; more than a daemon without devices",
        ),
    ]


@contextlib.contextmanager
def _open(folder: Path, klippy: Path, sections: str) -> Iterator[Daemon]:
    with open_daemon(folder, klippy, sections) as daemon:
        daemon.wait_ready()
        with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
            if failed := client.call("server.info")["failed_components"]:
                raise DaemonFailed(f"failed: {failed}\n{tail(daemon.log)}")
        yield daemon


def _library(name: str, module: str, grown: float, note: str) -> list[Figure]:
    """The daemon with a library grows by no more than the library's own import."""
    command = [sys.executable, "-c", _IMPORT.format(module=module)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DaemonFailed(f"{module} is not imported: {done.stderr[-500:]}")
    own = int(done.stdout) / MB
    return [
        _grown(f"{name}_import", f"import of {module} alone", own, None, "in a process of its own"),
        _grown(name, f"[{name}]", grown, own, note),
    ]


def _grown(name: str, what: str, value: float, budget: float | None, note: str) -> Figure:
    return Figure(
        name=f"{name}_memory",
        what=f"idle memory more, {what}",
        value=value,
        unit="MB",
        budget=budget,
        note=note,
    )


def _switched(plan: Plan) -> list[Figure]:
    with (
        temporary_folder() as folder,
        contextlib.closing(Devices(_ANSWER_S)) as devices,
        open_replay_process(folder / "klippy.sock"),
    ):
        sections = "".join(
            text.format(number=0, host=HOST, port=devices.port) for text in (_HTTP, _TASMOTA)
        )
        with _open(folder, folder / "klippy.sock", sections) as daemon:
            names = {"http0": "http with templates", "tasmota0": "tasmota"}
            added = {name: _added_ms(plan, daemon, devices, name) for name in names}
    return [
        Figure.of(
            samples,
            name=f"devices_switch_{name}",
            what=f"switch, {names[name]}: added to the device's time",
            unit="ms",
            budget=3,
            note=f"p99 {percentile(samples, 99):.1f} ms; more than the same two exchanges (state,"
            f" command) of {_ANSWER_S * 1000:.0f} ms by a bare socket, made just before each",
        )
        for name, samples in added.items()
    ]


def _added_ms(plan: Plan, daemon: Daemon, devices: Devices, name: str) -> list[float]:
    """Of each request, what it took more than the device's two answers, asked for from here."""
    samples = []
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        _wait_for(client, name)
        for number in range(20 * plan.rounds):
            params = {"device": name, "action": "off" if number % 2 else "on"}
            own_s = _asked(devices.port) + _asked(devices.port)
            began = time.monotonic()
            answer = client.call("machine.device_power.post_device", params)
            took_s = time.monotonic() - began
            if answer != {name: params["action"]}:
                raise DaemonFailed(f"{params} was answered {answer}")
            samples.append(1000 * (took_s - own_s))
    return samples


def _asked(port: int) -> float:
    """Seconds of one exchange with a device."""
    began = time.monotonic()
    with socket.create_connection((HOST, port)) as sock:
        sock.sendall(b"GET /0 HTTP/1.0\r\n\r\n")
        while sock.recv(4096):
            pass
    return time.monotonic() - began


def _wait_for(client: Client, name: str) -> None:
    limit = time.monotonic() + _PATIENCE_S
    while client.call("machine.device_power.status", {name: None})[name] not in ("on", "off"):
        if time.monotonic() > limit:
            raise DaemonFailed(f"the device {name} does not come")
        time.sleep(0.05)
