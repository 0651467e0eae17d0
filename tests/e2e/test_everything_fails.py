"""All that mrk talks to fails at once; the websocket answers and the print goes on."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.e2e.wire import PATIENCE_S
from tests.fakes.hostile_servers import hostile_broker, hostile_spoolman, silent_server

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
"""


def ask(socket: ClientConnection, number: int) -> float:
    """Seconds until server.info is answered."""
    began = time.monotonic()
    socket.send(json.dumps({"jsonrpc": "2.0", "method": "server.info", "id": number}))
    while json.loads(socket.recv(PATIENCE_S)).get("id") != number:
        pass
    return time.monotonic() - began


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


@pytest.fixture
def attacked(tmp_path: Path) -> Iterator[DaemonProcess]:
    """A daemon whose broker, Spoolman, LDAP server and D-Bus are as bad as they can be."""
    with (
        hostile_broker("victim/moonraker/api/request") as broker,
        hostile_spoolman() as spoolman,
        silent_server() as ldap,
    ):
        sections = SECTIONS.format(broker=broker.port, spoolman=spoolman.port, ldap=ldap.port)
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": f"tcp:host=127.0.0.1,port={ldap.port}"}
        with (
            run_daemon(tmp_path, sections=sections, **bus) as daemon,
            run_printer(tmp_path, "--speed", "40"),
        ):
            daemon.wait_klippy()
            broker.wait_visits(2)
            spoolman.wait_visits(2)
            yield daemon


def test_the_printer_and_its_clients_do_not_notice(attacked: DaemonProcess) -> None:
    over = threading.Event()
    plagues = [threading.Thread(target=plague, args=(attacked.url, over)) for _ in range(2)]
    for one in plagues:
        one.start()
    took_s: list[float] = []
    try:
        with attacked.connect() as client, connect(attacked.websocket_url) as socket:
            client.call("printer.print.start", filename="calibration_cube.gcode")
            assert client.wait_for("notify_history_changed")[0]["action"] == "added"
            while (
                client.call("printer.objects.query", objects=PRINT_STATE)["status"]["print_stats"][
                    "state"
                ]
                == "printing"
            ):
                took_s += [ask(socket, number) for number in range(100)]
            done = client.wait_for("notify_history_changed")[0]
            assert done["action"] == "finished"
            assert done["job"]["status"] == "completed"
            info = client.call("server.info")
    finally:
        over.set()
        for one in plagues:
            one.join(PATIENCE_S)
    assert len(took_s) >= 500
    slow = [f"{took:.3f} s" for took in took_s if took > ANSWER_S]
    assert len(slow) <= MOST_SLOW, slow
    assert info["klippy_state"] == "ready"
    assert "klippy_connection" not in info["failed_components"]
