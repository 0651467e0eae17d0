"""How many websockets the daemon holds, and what one weighs."""

from benchmarks.clients import Client, Lost, allow_sockets, closing
from benchmarks.crowd import Crowd
from benchmarks.daemon import Daemon, open_linked
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import memory


def measure_websockets(plan: Plan) -> list[Figure]:
    """Connects `plan.websockets` clients that identify, waits, and asks each once more."""
    allow_sockets(plan.websockets)
    clients: list[Client] = []
    with open_linked() as daemon, closing(clients):
        before = memory(daemon.pid).rss
        refusal = _connect(daemon, clients, plan.websockets)
        each = (memory(daemon.pid).rss - before) / max(len(clients), 1)
        crowd = Crowd(clients)
        crowd.drain(plan.hold_s)
        crowd.close()
        held = sum(_answers(client) for client in clients)
    note = f"held for {plan.hold_s:.0f} s with pings answered, then each was answered {refusal}"
    return [
        Figure(
            name="websockets_held",
            what="websockets held at once",
            value=held,
            unit="",
            budget=1000,
            more_is_better=True,
            note=note.rstrip(),
        ),
        Figure(
            name="websocket_memory",
            what=f"memory per websocket at {len(clients)}",
            value=each / 1000,
            unit="kB",
            note="growth of smaps_rollup Rss over identified clients; kernel buffers not included",
        ),
    ]


def _connect(daemon: Daemon, clients: list[Client], count: int) -> str:
    """Append up to `count` identified clients; returns why it stopped early, or nothing."""
    for _ in range(count):
        try:
            client = Client.websocket(daemon.port)
            clients.append(client)
            client.identify()
        except (Lost, OSError) as exc:
            return f"(stopped: {exc})"
    return ""


def _answers(client: Client) -> bool:
    try:
        client.call("server.websocket.id")
    except (Lost, OSError):
        return False
    return True
