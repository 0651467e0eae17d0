"""A real Mosquitto on a loopback port, and strangers that talk to it.

`run_mosquitto` ends its broker with the block. `Stranger` is paho with a thread of its own, so it
serves blocking tests and Trio's (there by `trio.to_thread`) on the real clock alike.
"""

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from nurseries.process.free_ports import free_port

PATIENCE_S = 20.0
BROKER = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
PASSWD = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
SUB = shutil.which("mosquitto_sub") or "/usr/bin/mosquitto_sub"


class Mosquitto:
    """One broker; it may be stopped, killed, frozen and started again on the same port.

    `options` are further lines of its configuration; with `users` (name -> password) nobody else
    is let in. Nothing is kept over a restart.
    """

    def __init__(
        self, folder: Path, options: str = "", users: dict[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        lines = [f"listener {self.port} 127.0.0.1", "persistence false", "log_dest stderr"]
        lines.append("set_tcp_nodelay true")  # otherwise answers come 40 ms late
        if os.geteuid() == 0:
            lines.append("user root")
        if users is None:
            lines.append("allow_anonymous true")
        else:
            lines += ["allow_anonymous false", f"password_file {folder / 'passwords'}"]
            self._write_users(users)
        (folder / "mosquitto.conf").write_text("\n".join([*lines, options, ""]))

    def _write_users(self, users: dict[str, str]) -> None:
        path = self._folder / "passwords"
        path.touch(mode=0o600)
        for name, password in users.items():
            subprocess.run(
                [PASSWD, "-b", str(path), name, password], check=True, capture_output=True
            )

    def start(self) -> None:
        """Return once it accepts."""
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [BROKER, "-c", str(self._folder / "mosquitto.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        limit = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None, self.said()
                assert time.monotonic() < limit, self.said()
                time.sleep(0.005)
            else:
                return

    def said(self) -> str:
        return (self._folder / "mosquitto.log").read_text(errors="replace")

    def _send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """SIGTERM: clients are told where the protocol can."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._send(number)
            self._send(signal.SIGCONT)  # a frozen one ends too
            self._process.wait(PATIENCE_S)
            self._process = None

    def freeze(self) -> None:
        """It keeps its connections and reads nothing, until `thaw`."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def stranger(self, **options: Any) -> "Stranger":
        return Stranger(self.port, **options)

    def mosquitto_sub(self, *arguments: str) -> str:
        """What Debian's own client prints, such as with `-C 1 -t topic`."""
        words = [SUB, "-h", "127.0.0.1", "-p", str(self.port), "-W", str(int(PATIENCE_S))]
        done = subprocess.run([*words, *arguments], check=True, capture_output=True)
        return done.stdout.decode()


@contextlib.contextmanager
def run_mosquitto(
    folder: Path, options: str = "", users: dict[str, str] | None = None
) -> Iterator[Mosquitto]:
    """A broker that accepts when the block begins and is gone when it ends."""
    broker = Mosquitto(folder, options, users)
    try:
        broker.start()
        yield broker
    finally:
        broker.kill()


@dataclass(frozen=True)
class Heard:
    topic: str
    payload: bytes
    qos: int
    retain: bool

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Stranger:
    """A client that hears what it subscribed to, and publishes; connected inside `with`.

    Each wait raises `AssertionError` past a generous limit.
    """

    def __init__(
        self,
        port: int,
        *,
        user: str | None = None,
        password: str | None = None,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
    ) -> None:
        name = f"stranger-{uuid.uuid4().hex[:8]}"
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._port = port
        self._events: queue.Queue[Any] = queue.Queue()
        self._messages: queue.Queue[Heard] = queue.Queue()
        self._client.on_connect = lambda _c, _u, _f, code, _p: self._events.put(str(code))
        self._client.on_subscribe = lambda _c, _u, mid, _codes, _p: self._events.put(mid)
        self._client.on_message = self._on_message
        self.heard: list[Heard] = []

    def _on_message(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        payload = bytes(message.payload)
        self._messages.put(Heard(message.topic, payload, message.qos, message.retain))

    def __enter__(self) -> "Stranger":
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._events.get(timeout=PATIENCE_S) == "Success"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topic: str, qos: int = 0) -> None:
        """Return once the broker has confirmed it; retained messages follow by themselves."""
        _rc, mid = self._client.subscribe(topic, qos)
        while self._events.get(timeout=PATIENCE_S) != mid:
            pass

    def publish(
        self, topic: str, payload: bytes | str = b"", qos: int = 0, retain: bool = False
    ) -> None:
        """Return once it was written, or confirmed for QoS 1 and 2."""
        info = self._client.publish(topic, payload, qos, retain)
        info.wait_for_publish(PATIENCE_S)
        assert info.is_published(), f"{topic} was not published"

    def next(self, within_s: float = PATIENCE_S) -> Heard:
        """The next message."""
        try:
            message = self._messages.get(timeout=within_s)
        except queue.Empty:
            raise AssertionError(f"nothing within {within_s} s; before: {self.heard}") from None
        self.heard.append(message)
        return message

    def until(
        self, topic: str, suits: Callable[[Heard], bool] = bool, within_s: float = PATIENCE_S
    ) -> Heard:
        """The first message on a topic that suits; others are kept in `heard`."""
        limit = time.monotonic() + within_s
        while True:
            message = self.next(max(0.001, limit - time.monotonic()))
            if message.topic == topic and suits(message):
                return message

    def silent(self) -> bool:
        """Whether nothing waits to be taken."""
        return self._messages.empty()
