"""All that mrk talks to fails at once; the websocket answers and the print goes on."""

import contextlib
import itertools
import json
import os
import pty
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import PATIENCE_S
from tests.fakes.hostile_servers import (
    hostile_broker,
    hostile_device,
    hostile_spoolman,
    silent_server,
)
from tests.process_clock import ProcessClock

pytestmark = pytest.mark.e2e
ANSWER_S = 0.1
PRINT_STATE = {"print_stats": ["state"]}
# A machine with as many other things to do may hold one answer up now and then.
MOST_SLOW = 3
SECTIONS = """\
[mqtt]
address: 127.0.0.1
port: {broker}
instance_name: victim
enable_moonraker_api: True
enable_homeassistant_discovery: True
status_objects:
  extruder
  toolhead

[sensor meter]
type: mqtt
state_topic: victim/moonraker/api/request
state_response_template:
  {{set_result("power", payload|fromjson)}}

[spoolman]
server: http://127.0.0.1:{spoolman}
sync_rate: 1

[ldap]
ldap_host: 127.0.0.1
ldap_port: {ldap}
base_dn: dc=example,dc=org

[octoprint_compat]

[machine]
provider: systemd_dbus

[power tasmota]
type: tasmota
address: 127.0.0.1:{device}
poll_interval: 1

[power shelly]
type: shelly
address: 127.0.0.1:{device}
poll_interval: 1
locked_while_printing: True

[power plug]
type: tplink_smartplug
address: 127.0.0.1
port: {device}
poll_interval: 1

[power certificate]
type: http
on_url: https://127.0.0.1:{device}/on
off_url: https://127.0.0.1:{device}/off
status_url: https://127.0.0.1:{device}/status
response_template: on

[power endless]
type: http
on_url: http://127.0.0.1:{device}/on
off_url: http://127.0.0.1:{device}/off
status_url: http://127.0.0.1:{device}/status
response_template:
  {{% for i in range(99999) %}}{{% for j in range(99999) %}}x{{% endfor %}}{{% endfor %}}

[power relay]
type: mqtt
command_topic: victim/relay/set
command_payload: {{command}}
state_topic: victim/relay

[power flood]
type: driver
command: yes

[power dumb]
type: driver
command: sleep 1000

[power line]
type: gpio
pin: gpiochip99/gpio1

[wled strip]
type: http
address: 127.0.0.1
port: {device}

[wled serial]
type: serial
serial: {light}

[paneldue]
serial: {display}

[button stop]
type: gpio
pin: gpiochip99/gpio2
on_press:
  {{% do send_notification("pressed") %}}

[notifier webhook]
url: json://127.0.0.1:{device}
events: *
body: {{event_name}}
"""
# One request of these runs, the rest get its answer or are refused.
SWITCHES = 1000
NOISE = bytes(range(256)) + b"\n" + b"N1 G28*99\n" + b"x" * 1000


def ask(clock: ProcessClock, socket: ClientConnection, number: int) -> float:
    """Seconds until server.info is answered, but for what other programs took."""
    began = clock.now()
    socket.send(json.dumps({"jsonrpc": "2.0", "method": "server.info", "id": number}))
    while json.loads(socket.recv(PATIENCE_S)).get("id") != number:
        pass
    return clock.waited_s(began)


def plague(url: str, over: threading.Event) -> None:
    """Log-ins that nobody answers, and questions about the machine, until it is over."""
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as client:
        names = itertools.count()
        while not over.is_set():
            login = {"username": f"u{next(names)}", "password": "wrong", "source": "ldap"}
            for path in ("/machine/peripherals/usb", "/machine/peripherals/canbus?interface=can0"):
                client.get(path)
            try:
                client.post("/access/login", json=login, timeout=0.2)
            except httpx.TimeoutException:
                continue


def switch_often(url: str) -> set[str]:
    """Ask for one device a thousand times at once; what kinds of answers came, all of them."""
    order = {"device": "tasmota", "action": "on"}
    kinds: set[str] = set()
    with connect(url) as socket:
        for number in range(SWITCHES):
            call = {"jsonrpc": "2.0", "method": "machine.device_power.post_device", "id": number}
            socket.send(json.dumps({**call, "params": order}))
        left = set(range(SWITCHES))
        while left:
            answer = json.loads(socket.recv(PATIENCE_S))
            if "id" in answer:
                left.discard(answer["id"])
                kinds.add(str(answer.get("error", {}).get("code", "done")))
    return kinds


@contextlib.contextmanager
def noisy_line() -> Iterator[str]:
    """A serial port on which a display says nothing that makes sense, all the time."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)
    over = threading.Event()

    def hiss() -> None:
        while not over.wait(0.01):
            with contextlib.suppress(BlockingIOError):
                os.write(ours, NOISE)
            with contextlib.suppress(BlockingIOError):
                os.read(ours, 65536)

    noise = threading.Thread(target=hiss)
    noise.start()
    try:
        yield os.ttyname(theirs)
    finally:
        over.set()
        noise.join(PATIENCE_S)
        os.close(theirs)
        os.close(ours)


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[DaemonProcess]:
    """A daemon with everything around it as bad as it can be: services, devices, serial lines."""
    with (
        hostile_broker("victim/moonraker/api/request") as broker,
        hostile_spoolman() as spoolman,
        silent_server() as ldap,
        hostile_device() as device,
        noisy_line() as display,
        noisy_line() as light,
    ):
        servers = {"broker": broker, "spoolman": spoolman, "ldap": ldap, "device": device}
        ports = {name: server.port for name, server in servers.items()}
        sections = SECTIONS.format(**ports, display=display, light=light)
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": f"tcp:host=127.0.0.1,port={ldap.port}"}
        with (
            run_daemon(tmp_path, sections=sections, **bus) as daemon,
            run_printer(tmp_path, "--speed", "40"),
        ):
            daemon.wait_klippy()
            broker.wait_visits(2)
            spoolman.wait_visits(2)
            device.wait_visits(12)
            yield daemon


def test_the_printer_and_its_clients_do_not_notice(attacked: DaemonProcess) -> None:
    over = threading.Event()
    plagues = [threading.Thread(target=plague, args=(attacked.url, over)) for _ in range(2)]
    for one in plagues:
        one.start()
    kinds: list[set[str]] = []
    switching = threading.Thread(target=lambda: kinds.append(switch_often(attacked.websocket_url)))
    took_s: list[float] = []
    clock = ProcessClock(attacked.process.popen.pid)
    try:
        with attacked.connect() as client, connect(attacked.websocket_url) as socket:
            client.call("printer.print.start", filename="calibration_cube.gcode")
            switching.start()
            assert client.wait_for("notify_history_changed")[0]["action"] == "added"
            while (
                client.call("printer.objects.query", objects=PRINT_STATE)["status"]["print_stats"][
                    "state"
                ]
                == "printing"
            ):
                took_s += [ask(clock, socket, number) for number in range(100)]
            done = client.wait_for("notify_history_changed")[0]
            assert done["action"] == "finished"
            assert done["job"]["status"] == "completed"
            info = client.call("server.info")
    finally:
        over.set()
        for one in plagues:
            one.join(PATIENCE_S)
        if switching.ident is not None:
            switching.join(PATIENCE_S)
    assert kinds, "not every request for the device was answered"
    assert kinds[0] <= {"done", "429", "503"}
    assert len(took_s) >= 100
    slow = [f"{took:.3f} s" for took in took_s if took > ANSWER_S]
    assert len(slow) <= MOST_SLOW, slow
    assert info["klippy_state"] == "ready"
    assert "klippy_connection" not in info["failed_components"]
