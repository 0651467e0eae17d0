"""How long somebody else waits while very many clients come, or leave, in one instant.

They connect first, then ask all at once, and are closed all at once: with an RST, as a process
that is killed with something unread leaves, or with a FIN. A bystander asks meanwhile.
"""

import contextlib
import socket
import struct
import time
from collections.abc import Callable

from benchmarks import wire
from benchmarks.bystander import open_bystander
from benchmarks.clients import HOST, Client, Lost, allow_sockets
from benchmarks.daemon import Daemon, open_linked
from benchmarks.figures import Figure
from benchmarks.plan import Plan

_BUDGET_MS = 50.0
_SETTLE_S = 0.5  # behind the last of them, a bystander's question included
_LIMIT_S = 20.0
_KINDS: dict[str, Callable[[str], bytes]] = {
    "websockets": lambda host: wire.handshake("/websocket", host),
    "event streams": lambda host: wire.http_get("/server/events", host),
}
_WAYS = {"fin": 0, "rst": 1}


def measure_crowds(plan: Plan) -> list[Figure]:
    """The longest wait of each crowd."""
    allow_sockets(plan.websockets)
    waits: dict[tuple[str, str], list[float]] = {}
    with open_linked() as daemon:
        for kind in _KINDS:
            for _ in range(plan.stops):
                for way in _WAYS:
                    crowd, come_ms = _come(daemon, kind, plan.websockets)
                    waits.setdefault((kind, "connect"), []).append(come_ms)
                    waits.setdefault((kind, way), []).append(_leave(daemon, crowd, way))
    return [_figure(plan.websockets, *key, samples) for key, samples in waits.items()]


def _figure(count: int, kind: str, event: str, samples: list[float]) -> Figure:
    said = "connect" if event == "connect" else f"leave by {event.upper()}"
    return Figure.of(
        samples,
        name=f"crowd_{kind.replace(' ', '_')}_{event}",
        what=f"longest wait of another, {count} {kind} {said}",
        unit="ms",
        budget=_BUDGET_MS,
    )


def _come(daemon: Daemon, kind: str, count: int) -> tuple[list[socket.socket], float]:
    crowd = [socket.create_connection((HOST, daemon.port), _LIMIT_S) for _ in range(count)]
    request = _KINDS[kind](f"{HOST}:{daemon.port}")
    time.sleep(_SETTLE_S)
    with open_bystander(daemon) as bystander:
        for sock in crowd:
            sock.sendall(request)
        for sock in crowd:
            status = sock.recv(65536)[9:12]
            if status not in (b"101", b"200"):
                raise Lost(f"one of {count} {kind} was answered {status!r}")
        time.sleep(_SETTLE_S)
    return crowd, bystander.worst_ms()


def _leave(daemon: Daemon, crowd: list[socket.socket], way: str) -> float:
    for sock in crowd:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", _WAYS[way], 0))
    with open_bystander(daemon) as bystander:
        for sock in crowd:
            sock.close()
        _await_departure(daemon)
        time.sleep(_SETTLE_S)
    return bystander.worst_ms()


def _await_departure(daemon: Daemon) -> None:
    limit = time.monotonic() + _LIMIT_S
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        while client.call("server.info")["websocket_count"] > 2:  # this one and the bystander
            if time.monotonic() > limit:
                raise Lost("clients that have left are still counted")
            time.sleep(0.01)
