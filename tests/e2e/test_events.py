"""Event streams and replay of a real daemon, over TCP and the unix socket, and its restarts."""

import contextlib
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import DaemonProcess, configure, run_daemon, started
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e
NAMED = {"client_name": "test", "version": "1", "type": "other", "url": ""}


class Stream:
    """One connection to /server/events; `last_id` as a browser keeps it."""

    def __init__(self, port: int, last_id: str = "", *, narrow: bool = False) -> None:
        self.last_id = last_id
        self._rest = b""
        self._socket = socket.socket()
        self._socket.settimeout(PATIENCE_S)
        if narrow:  # the kernel takes little for a client that does not read
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        more = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        request = f"GET /server/events HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n"
        self._socket.sendall(request.encode())
        head = self._until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        self.opening = self.event()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            data = self._socket.recv(65536)
            if not data:
                raise EOFError
            self._rest += data
        part, _, self._rest = self._rest.partition(mark)
        return part

    def event(self) -> dict[str, Any]:
        while True:
            lines = self._until(b"\n\n").decode().splitlines()
            fields = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                found: dict[str, Any] = json.loads(fields["data"])
                return found

    def line(self) -> str:
        """The next line that the printer says."""
        while (event := self.event())["method"] != "notify_gcode_response":
            pass
        text: str = event["params"][0]
        return text


def say(daemon: DaemonProcess, texts: range) -> None:
    with daemon.connect() as client:
        for text in texts:
            client.call("printer.gcode.script", script=f"M118 n{text}")


def test_a_stream_that_is_cut_hears_everything_once(demo: DaemonProcess) -> None:
    chance = random.Random(14)
    heard: list[str] = []
    sent, last_id = 0, ""
    for cut in range(20):
        with Stream(demo.port, last_id) as stream:
            assert stream.opening["continuity"] == ("complete" if cut else "begun")
            count = chance.randrange(6)
            say(demo, range(sent, sent + count))
            sent += count
            heard += [stream.line() for _ in range(chance.randrange(sent - len(heard) + 1))]
            last_id = stream.last_id
    with Stream(demo.port, last_id) as stream:
        heard += [stream.line() for _ in range(sent - len(heard))]
    assert heard == [f"echo: n{number}" for number in range(sent)]


def test_the_same_over_the_unix_socket_and_by_asking(demo: DaemonProcess) -> None:
    with demo.connect() as client:
        begun = client.call("server.connection.identify", **NAMED, replay=True)
    say(demo, range(3))
    position = {"epoch": begun["epoch"], "seq": begun["seq"]}
    with demo.connect() as client:
        resumed = client.call("server.connection.identify", **NAMED, resume=position)
        assert resumed["continuity"] == "complete"
        lines: list[str] = []
        while len(lines) < 3:
            lines += client.wait_for("notify_gcode_response")
        assert lines == ["echo: n0", "echo: n1", "echo: n2"]
        found = client.call("server.events.since", **position)
    asked = [
        event["params"][0]
        for event in found["events"]
        if event["method"] == "notify_gcode_response"
    ]
    assert asked == lines
    assert all("seq" in event for event in found["events"])


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[DaemonProcess]:
    with run_daemon(tmp_path) as daemon:
        yield daemon


def test_a_restart_begins_a_new_epoch(lonely: DaemonProcess) -> None:
    with Stream(lonely.port) as stream, lonely.connect() as client:
        first = stream.opening["epoch"]
        client.call("server.restart")
        # The stream ends, and a browser comes back by itself.
        with pytest.raises((EOFError, ConnectionResetError)):
            stream.line()
    with Stream(lonely.port, stream.last_id) as stream:
        assert stream.opening["continuity"] == "epoch_changed"
        second = stream.opening["epoch"]
        assert "query again" in stream.opening["advice"]
    lonely.process.end()
    with (
        started(["-d", str(lonely.folder)], lonely.folder, lonely.port) as again,
        Stream(again.port, stream.last_id) as stream,
    ):
        assert stream.opening["continuity"] == "epoch_changed"
        third = stream.opening["epoch"]
    assert len({first, second, third}) == 3


def test_a_stream_that_is_not_read_is_let_go_and_told(tmp_path: Path) -> None:
    """More than the kernel, the outbox and the ring hold; who reads hears all of it."""
    port = configure(tmp_path, "outbox_size: 1")
    words = ["demo", "--data", str(tmp_path), "--port", str(port), "--speed", "50"]
    text = "x" * 100_000
    with started(words, tmp_path, port) as daemon:
        daemon.wait_klippy()
        with (
            Stream(port, narrow=True) as stalled,
            Stream(port) as reader,
            daemon.connect() as client,
        ):
            for _ in range(200):
                client.call("printer.gcode.script", script=f"M118 {text}")
                client.notices.clear()
                assert len(reader.line()) > len(text)
                shown = client.call("server.connection.list")["connections"]
                if len(shown) == 2:
                    break
            assert [one["transport"] for one in shown] == ["events", "unix"]
            with contextlib.suppress(EOFError, ConnectionResetError):
                while stalled.event():
                    pass
            # By then the ring has forgotten, too, what it had not read.
            for _ in range(50):
                client.call("printer.gcode.script", script=f"M118 {text}")
                client.notices.clear()
                reader.line()
        with Stream(port, stalled.last_id) as again:
            assert again.opening["continuity"] == "gap"
            assert "have been forgotten" in again.opening["advice"]
