"""A small scripted Klippy: recorded replies, and status pushes when told to.

The virtual printer pushes four times a second, as Klipper does; to weigh a push this one sends
recorded pushes as fast as the measurement wants. `open_replay` owns the listening socket and a
thread per connection; all end with the block. `open_replay_process` has one in a process of its
own, which answers without sharing an interpreter with the load.
"""

import contextlib
import itertools
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.daemon import (
    Daemon,
    DaemonFailed,
    open_daemon,
    start,
    stop,
    tail,
    temporary_folder,
)

RECORDINGS = Path(__file__).parents[1] / "tests" / "data" / "klippy"
STREAM_METHOD = "bench/stream"
_ETX = b"\x03"
_CHUNK_BYTES = 65536
_STREAM_SEND_FRAMES = 32
_PATIENCE_S = 10.0
Status = dict[str, dict[str, Any]]


class NoLink(Exception):
    """The daemon has not subscribed, so nothing can be pushed to it."""


def frame(message: dict[str, Any]) -> bytes:
    """One message as Klipper sends it."""
    return json.dumps(message, separators=(",", ":")).encode() + _ETX


class Recording:
    """What a real Klipper said: `replies` by method, the whole `status`, `pushes` ready to send."""

    def __init__(self, folder: Path = RECORDINGS) -> None:
        self.replies: dict[str, Any] = {}
        for entry in _lines(folder / "static.jsonl"):
            self.replies[entry["request"]["method"]] = entry["reply"]["result"]
        self.status: Status = self.replies["objects/query"]["status"]
        messages = [entry["message"] for entry in _lines(folder / "print_excerpt.jsonl")]
        updates = [m for m in messages if m.get("method") == "process_status_update"]
        self.pushes = [frame(message) for message in updates]
        self.deltas: list[Status] = [message["params"]["status"] for message in updates]
        self._encoded: dict[str, bytes] = {}

    def answer(self, method: str, params: dict[str, Any]) -> Any:
        """The result of one request; unknown methods are answered like a command, with `{}`."""
        if method in ("objects/query", "objects/subscribe"):
            objects = params.get("objects", {})
            status = {name: self._fields(name, fields) for name, fields in objects.items()}
            return {"eventtime": 5880.0, "status": status}
        return self.replies.get(method, {})

    def reply(self, request: dict[str, Any]) -> bytes:
        """The whole frame that answers a request; results are encoded once."""
        method, params = request["method"], request.get("params", {})
        key = f"{method} {params}"
        if key not in self._encoded:
            self._encoded[key] = json.dumps(self.answer(method, params)).encode()
        id_ = json.dumps(request["id"]).encode()
        return b'{"id":' + id_ + b',"result":' + self._encoded[key] + b"}" + _ETX

    def _fields(self, name: str, fields: list[str] | None) -> dict[str, Any]:
        known = self.status.get(name, {})
        return known if fields is None else {field: known.get(field) for field in fields}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open() as file:
        for line in file:
            yield json.loads(line)


class KlippyReplay:
    """A Klippy on a unix socket; made by `open_replay`."""

    def __init__(self, recording: Recording, listener: socket.socket) -> None:
        self.recording = recording
        self._listener = listener
        self._connections: list[socket.socket] = []
        self._link: socket.socket | None = None

    def push(self, data: bytes) -> None:
        """Send a prepared frame to the connection that subscribed last; raises `NoLink`."""
        if self._link is None:
            raise NoLink("the daemon did not subscribe to anything")
        self._link.sendall(data)

    def accept(self) -> None:
        """Serve connections until the listening socket is shut down."""
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """End every connection and the listening socket."""
        for sock in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _serve(self, connection: socket.socket) -> None:
        rest = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(_CHUNK_BYTES):
                *frames, rest = (rest + data).split(_ETX)
                for request in frames:
                    self._on_request(connection, json.loads(request))

    def _on_request(self, connection: socket.socket, request: dict[str, Any]) -> None:
        method, params = request["method"], request.get("params", {})
        if method == STREAM_METHOD:
            _stream(connection, params["frames"], params["frame_bytes"])
            return
        if method == "objects/subscribe":
            self._link = connection
        if request.get("id") is not None:
            connection.sendall(self.recording.reply(request))


def _stream(connection: socket.socket, frames: int, frame_bytes: int) -> None:
    """Send `frames` messages of `frame_bytes` each, like a motion report that was asked for."""
    empty = {"params": {"data": ""}}
    filler = "0" * (frame_bytes - len(frame(empty)) + 1)
    one = frame({"params": {"data": filler}})
    for first in range(0, frames, _STREAM_SEND_FRAMES):
        connection.sendall(one * min(_STREAM_SEND_FRAMES, frames - first))


@contextlib.contextmanager
def open_replay(path: Path, folder: Path = RECORDINGS) -> Iterator[KlippyReplay]:
    """A scripted Klippy listening at `path` for as long as the block lasts."""
    recording = Recording(folder)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    replay = KlippyReplay(recording, listener)
    threading.Thread(target=replay.accept, name="klippy replay", daemon=True).start()
    try:
        yield replay
    finally:
        replay.close()


@contextlib.contextmanager
def open_replayed() -> Iterator[tuple[Daemon, KlippyReplay]]:
    """A daemon whose printer is scripted, and the script."""
    with temporary_folder() as folder:
        path = folder / "klippy.sock"
        with open_replay(path) as klippy, open_daemon(folder, path) as daemon:
            daemon.wait_ready()
            yield daemon, klippy


@contextlib.contextmanager
def open_replay_process(path: Path) -> Iterator[None]:
    """The same in a process of its own, without pushes; raises `DaemonFailed`."""
    log = path.with_suffix(".log")
    process = start([sys.executable, "-m", "benchmarks.klippy_replay", str(path)], log)
    try:
        limit = time.monotonic() + _PATIENCE_S
        while not path.exists():
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed(f"the scripted Klippy does not listen\n{tail(log)}")
            time.sleep(0.01)
        yield
    finally:
        stop(process)


def endless(pushes: list[bytes]) -> Iterator[bytes]:
    """The recorded pushes, over and over."""
    return itertools.cycle(pushes)


if __name__ == "__main__":
    with open_replay(Path(sys.argv[1])):
        threading.Event().wait()
