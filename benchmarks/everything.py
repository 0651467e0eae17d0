"""What the daemon costs with every outside service configured, while nobody asks.

MQTT (status, Home Assistant, API) on a real Mosquitto, a sensor, Spoolman with its websocket open,
OctoPrint's API, LDAP and a user. The user is stored in a start before: hashing a password takes
16 MB for a moment.
"""

import contextlib
import time

from benchmarks.clients import HOST, Client
from benchmarks.daemon import (
    Daemon,
    DaemonFailed,
    open_daemon,
    open_printer,
    tail,
    temporary_folder,
)
from benchmarks.figures import Figure
from benchmarks.mqtt import Listener, open_broker
from benchmarks.plan import Plan
from benchmarks.process import MB, idle_share, memory
from benchmarks.spoolman import open_spoolman

_PATIENCE_S = 20.0
_SERVER = "bench/moonraker/status"
_SECTIONS = """
[mqtt]
address: {host}
port: {broker}
instance_name: bench
enable_moonraker_api: True
enable_homeassistant_discovery: True
status_objects:
  webhooks
  toolhead=position,print_time
  extruder=temperature,target
  heater_bed=temperature,target
  print_stats
  virtual_sdcard

[sensor meter]
type: mqtt
state_topic: bench/meter
state_response_template:
  {{set_result("power", payload|float)}}
parameter_power:
  units=W

[spoolman]
server: http://{host}:{spoolman}

[octoprint_compat]

[ldap]
ldap_host: {host}
base_dn: ou=people,dc=example,dc=org
"""


def measure_everything(plan: Plan) -> list[Figure]:
    """Memory and processor share of the daemon, linked, with all of it connected."""
    with (
        temporary_folder() as folder,
        open_broker(folder) as broker,
        open_spoolman() as spoolman,
        open_printer(folder) as klippy,
    ):
        sections = _SECTIONS.format(host=HOST, broker=broker, spoolman=spoolman)
        with open_daemon(folder, klippy) as daemon:
            _add_user(daemon)
        with open_daemon(folder, klippy, sections) as daemon:
            daemon.wait_ready()
            with contextlib.closing(Listener(broker)) as listener:
                listener.subscribe(_SERVER)
                while b"online" not in listener.last:
                    listener.next()
            _wait_for_spoolman(daemon)
            time.sleep(plan.settle_s)
            share = idle_share(daemon.pid, plan.idle_s)
            used = memory(daemon.pid)
    return [
        Figure(
            name="everything_memory",
            what="idle with every service: resident memory",
            value=used.rss / MB,
            unit="MB",
            budget=46,
            note=f"smaps_rollup Rss; Pss {used.pss / MB:.1f} MB; linked, no client",
        ),
        Figure(
            name="everything_cpu",
            what="idle with every service: CPU",
            value=share * 100,
            unit="% of a core",
            budget=0.3,
            note=f"over {plan.idle_s:.0f} s, {plan.settle_s:.0f} s after all were connected",
        ),
    ]


def _add_user(daemon: Daemon) -> None:
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("access.post_user", {"username": "bench", "password": "as good as any"})


def _wait_for_spoolman(daemon: Daemon) -> None:
    limit = time.monotonic() + _PATIENCE_S
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        while not client.call("server.spoolman.status")["spoolman_connected"]:
            if time.monotonic() > limit:
                raise DaemonFailed(f"no connection to Spoolman\n{tail(daemon.log)}")
            time.sleep(0.05)
