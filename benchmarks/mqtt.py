"""What MQTT costs: a status publish of 12 objects, and a request over the broker.

Mosquitto, the daemon and a scripted Klippy run on loopback; this process listens at the broker.
Recorded pushes of a print are sent each as soon as the last was published. Processor time is the
daemon's alone.
"""

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.clients import HOST
from benchmarks.daemon import Daemon, DaemonFailed, open_daemon, temporary_folder
from benchmarks.figures import Figure
from benchmarks.klippy_replay import KlippyReplay, open_replay
from benchmarks.plan import Plan
from benchmarks.process import Meter, idle_share
from benchmarks.statistics import NS_PER_US, median, percentile
from nurseries.process.free_ports import free_port

OBJECTS = 12
_WARM_UP = 100
_PATIENCE_S = 20.0
_REQUEST, _RESPONSE = "bench/moonraker/api/request", "bench/moonraker/api/response"
_STATUS, _SERVER = "bench/klipper/status", "bench/moonraker/status"
_SECTION = """
[mqtt]
address: {host}
port: {port}
instance_name: bench
enable_moonraker_api: True
status_objects:
{objects}
"""


class Listener:
    """A client of the broker without a thread; `messages` counts what came."""

    def __init__(self, port: int) -> None:
        self.last = b""
        self.messages = 0
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = self._on_message
        self._subscribed = False
        self._client.on_subscribe = self._on_subscribe
        self._client.connect(HOST, port)

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.last = bytes(message.payload)
        self.messages += 1

    def _on_subscribe(self, *_: object) -> None:
        self._subscribed = True

    def subscribe(self, topic: str) -> None:
        while not self._client.is_connected():
            self._turn()
        self._subscribed = False
        self._client.subscribe(topic)
        while not self._subscribed:
            self._turn()

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload)

    def next(self) -> bytes:
        """The next message; raises `DaemonFailed` when none comes."""
        before = self.messages
        while self.messages == before:
            self._turn()
        return self.last

    def _turn(self) -> None:
        sock = self._client.socket()
        if sock is None or not select.select([sock], [], [], _PATIENCE_S)[0]:
            raise DaemonFailed("nothing comes from the broker")
        self._client.loop_read()
        self._client.loop_misc()

    def close(self) -> None:
        self._client.disconnect()


def measure_mqtt(plan: Plan) -> list[Figure]:
    """Processor time per publish and per request, and the time of a request."""
    with temporary_folder() as folder, open_broker(folder) as port:
        path = folder / "klippy.sock"
        with open_replay(path) as klippy:
            objects, pushes = _chosen(klippy.recording.pushes)
            section = _SECTION.format(
                host=HOST, port=port, objects="\n".join(f"  {name}" for name in objects)
            )
            with open_daemon(folder, path, section) as daemon:
                daemon.wait_ready()
                with contextlib.closing(Listener(port)) as listener:
                    listener.subscribe(_SERVER)
                    while b"online" not in listener.last:
                        listener.next()
                    listener.subscribe(_STATUS)
                    listener.subscribe(_RESPONSE)
                    figures = _publishes(plan, daemon, klippy, listener, pushes)
                    return figures + _requests(plan, daemon, listener)


@contextlib.contextmanager
def open_broker(folder: Path) -> Iterator[int]:
    """Mosquitto on a port of its own, which is yielded. Raises `DaemonFailed`."""
    binary = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    if not Path(binary).exists():
        raise DaemonFailed("mosquitto is not installed")
    port, file = free_port(), folder / "mosquitto.conf"
    lines = [f"listener {port} {HOST}", "allow_anonymous true", "persistence false"]
    if os.geteuid() == 0:
        lines.append("user root")
    file.write_text("\n".join(lines))
    with (folder / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([binary, "-c", str(file)], stdout=log, stderr=log)
    try:
        limit = time.monotonic() + _PATIENCE_S
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed("mosquitto does not listen")
            time.sleep(0.01)
        yield port
    finally:
        process.terminate()
        process.wait()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def _chosen(pushes: list[bytes]) -> tuple[list[str], list[bytes]]:
    """The objects that change most often, and the pushes that have any of them."""
    named = [(push, set(json.loads(push[:-1])["params"]["status"])) for push in pushes]
    often = Counter(name for _push, names in named for name in names)
    objects = [name for name, _count in often.most_common(OBJECTS)]
    return objects, [push for push, names in named if names & set(objects)]


def _publishes(
    plan: Plan, daemon: Daemon, klippy: KlippyReplay, listener: Listener, pushes: list[bytes]
) -> list[Figure]:
    def push(count: int) -> None:
        for number in range(count):
            klippy.push(pushes[number % len(pushes)])
            listener.next()

    push(_WARM_UP)
    baseline = idle_share(daemon.pid, plan.baseline_s)
    samples = []
    for _ in range(plan.push_rounds):
        meter = Meter(daemon.pid)
        push(plan.pushes)
        samples.append(meter.read().us_per(plan.pushes, baseline))
    cpu_us = median(samples)
    return [
        Figure(
            name="mqtt_publish",
            what=f"MQTT status publish of {OBJECTS} objects: CPU",
            value=cpu_us,
            unit="us/publish",
            samples=tuple(samples),
            note=f"with reading Klipper's push; baseline of {baseline * 100:.2f} % taken off",
        ),
        Figure(
            name="mqtt_publish_share",
            what="MQTT status at 4 Hz: share of a core",
            value=cpu_us * 4 / 10_000,
            unit="%",
            note="four times the figure above",
        ),
    ]


def _requests(plan: Plan, daemon: Daemon, listener: Listener) -> list[Figure]:
    request = b'{"jsonrpc":"2.0","method":"server.info","id":1}'
    count = plan.requests // 3
    waits_ns = []
    samples = []
    for _ in range(plan.rounds):
        meter = Meter(daemon.pid)
        for _ in range(count):
            began_ns = time.monotonic_ns()
            listener.publish(_REQUEST, request)
            listener.next()
            waits_ns.append(time.monotonic_ns() - began_ns)
        samples.append(meter.read().us_per(count))
    note = "one at a time, QoS 0, twice through the broker"
    figures = [
        Figure.of(
            samples,
            name="mqtt_request",
            what="MQTT server.info: CPU",
            unit="us/request",
            note=note,
        )
    ]
    for percent in (50, 99):
        wait_us = percentile(waits_ns, percent) / NS_PER_US
        what = f"MQTT server.info: p{percent}"
        name = f"mqtt_request_p{percent}"
        figures.append(Figure(name=name, what=what, value=wait_us, unit="us", note=note))
    return figures
