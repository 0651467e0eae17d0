"""From SIGTERM to the end of the process with 50 clients, one of which does not read.

The stalled one has asked for more than the kernel takes for it and reads none of it.
"""

import contextlib
import os
import signal
import time

from benchmarks import wire
from benchmarks.clients import Client, closing
from benchmarks.crowd import Crowd
from benchmarks.daemon import Daemon, DaemonFailed, open_linked
from benchmarks.figures import Figure
from benchmarks.plan import Plan

_READING = 49
_STALLED_BYTES = 1_500_000  # asked for; the outbox holds up to 4 MB, the kernel a tenth of this
_STALLED_BATCH = 50
_RECEIVE_BYTES = 4096
_LIMIT_S = 15.0


def measure_shutdown(plan: Plan) -> list[Figure]:
    """Seconds until the process is gone."""
    samples, told = [], []
    for _ in range(plan.stops):
        with open_linked() as daemon:
            seconds, closed = _measure(daemon)
        samples.append(seconds)
        told.append(closed)
    return [
        Figure.of(
            samples,
            name="shutdown",
            what="SIGTERM to exit, 50 clients, one stalled",
            unit="s",
            budget=0.5,
            note=f"{min(told)} of {_READING} reading clients were told 1001",
        )
    ]


def _measure(daemon: Daemon) -> tuple[float, int]:
    clients = [Client.websocket(daemon.port) for _ in range(_READING)]
    stalled = Client.websocket(daemon.port, receive_bytes=_RECEIVE_BYTES)
    with closing([*clients, stalled]):
        for client in clients:
            client.identify()
        _stall(stalled)
        seconds = _stop(daemon, Crowd(clients))
        return seconds, sum(_was_told(client) for client in clients)


def _stall(client: Client) -> None:
    """Ask for more than fits, and never read it."""
    answer_bytes = len(str(client.call("server.config")))
    request = client.frame(wire.rpc("server.config", 1))
    left_bytes = _STALLED_BYTES
    client.socket.setblocking(False)
    while left_bytes > 0:
        with contextlib.suppress(BlockingIOError):
            client.socket.send(request * _STALLED_BATCH)
        left_bytes -= _STALLED_BATCH * answer_bytes
        time.sleep(0.005)
    time.sleep(0.2)


def _stop(daemon: Daemon, crowd: Crowd) -> float:
    """Order the end while the crowd goes on reading; returns how long it took."""
    descriptor = os.pidfd_open(daemon.pid)
    try:
        crowd.watch(descriptor)
        began = time.monotonic()
        daemon.process.send_signal(signal.SIGTERM)
        while descriptor not in crowd.read(_LIMIT_S):
            if time.monotonic() - began > _LIMIT_S:
                raise DaemonFailed(f"still running {_LIMIT_S:.0f} s after SIGTERM")
        seconds = time.monotonic() - began
    finally:
        crowd.close()
        os.close(descriptor)
    if daemon.process.wait() != 0:
        raise DaemonFailed(f"exit code {daemon.process.returncode} after SIGTERM")
    return seconds


def _was_told(client: Client) -> bool:
    return isinstance(client.cutter, wire.WebsocketCutter) and client.cutter.close_code == 1001
