"""How fast Klipper's own messages pass the bridge websocket, and what a megabyte costs."""

import contextlib
import json

from benchmarks.clients import Client
from benchmarks.figures import Figure
from benchmarks.klippy_replay import STREAM_METHOD, open_replayed
from benchmarks.plan import Plan
from benchmarks.process import MB, Meter
from benchmarks.statistics import NS_PER_S, NS_PER_US, Spent

_FRAME_BYTES = 4096


def measure_bridge(plan: Plan) -> list[Figure]:
    """Bytes per second from a Klippy that sends as fast as it is read, and CPU per MB."""
    with open_replayed() as (daemon, _):
        client = Client.websocket(daemon.port, "/klippysocket")
        with contextlib.closing(client):
            _stream(client, daemon.pid, plan.bridge_bytes // 10)
            size_bytes, spent = _stream(client, daemon.pid, plan.bridge_bytes)
    note = f"{size_bytes / MB:.0f} MB in messages of {_FRAME_BYTES} bytes, Klipper to client"
    return [
        Figure(
            name="bridge_rate",
            what="bridge: throughput",
            value=size_bytes / MB * NS_PER_S / spent.wall_ns,
            unit="MB/s",
            note=note,
        ),
        Figure(
            name="bridge_cpu",
            what="bridge: CPU",
            value=spent.cpu_ns / NS_PER_US / 1000 / (size_bytes / MB),
            unit="ms/MB",
            note=note,
        ),
    ]


def _stream(client: Client, pid: int, size_bytes: int) -> tuple[int, Spent]:
    """Order a stream and read it; returns the payload's size and what it cost."""
    frames = size_bytes // _FRAME_BYTES
    params = {"frames": frames, "frame_bytes": _FRAME_BYTES}
    request = {"id": 1, "method": STREAM_METHOD, "params": params}
    meter = Meter(pid)
    client.socket.sendall(client.frame(json.dumps(request).encode()))
    received_bytes = count = 0
    while count < frames:
        messages = client.receive()
        count += len(messages)
        received_bytes += sum(map(len, messages))
    return received_bytes, meter.read()
