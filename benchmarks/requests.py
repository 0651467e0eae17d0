"""What `server.info` costs the daemon on each way in, and how long the client waits.

Several requests in flight (the budget's figure) and one at a time: a websocket and the unix
socket carry them on one connection, HTTP on as many keep-alive connections.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import wire
from benchmarks.clients import HOST, Client, closing
from benchmarks.daemon import Daemon, open_linked
from benchmarks.figures import Figure
from benchmarks.load import Round, run_round
from benchmarks.plan import Plan

IN_FLIGHT = 16
_PREPARED = 64
_WARM_UP = 300


@dataclass(frozen=True, slots=True)
class Way:
    """One way in, with its budget in microseconds of processor time per request."""

    name: str
    title: str
    budget_us: float
    connections: int
    connect: Callable[[Daemon], Client]


WAYS = (
    Way("websocket", "websocket server.info", 25, 1, lambda d: Client.websocket(d.port)),
    Way("unix", "unix socket server.info", 12, 1, lambda d: Client.unix(d.unix_socket)),
    Way("http", "HTTP GET /server/info", 60, IN_FLIGHT, lambda d: Client.http(d.port)),
)


def _prepared(way: Way, client: Client, port: int) -> Sequence[bytes]:
    if way.name == "http":
        return [wire.http_get("/server/info", f"{HOST}:{port}")]
    return [client.frame(wire.rpc("server.info", number)) for number in range(_PREPARED)]


def measure_requests(plan: Plan) -> list[Figure]:
    """Four figures for each way in and each load."""
    figures: list[Figure] = []
    with open_linked() as daemon:
        for way in WAYS:
            figures += _measure(plan, daemon, way, several=True)
            figures += _measure(plan, daemon, way, several=False)
    return figures


def _measure(plan: Plan, daemon: Daemon, way: Way, *, several: bool) -> list[Figure]:
    count = way.connections if several else 1
    clients = [way.connect(daemon) for _ in range(count)]
    in_flight = IN_FLIGHT // count if several else 1
    total = plan.requests if several else plan.requests // 3
    with closing(clients):
        if way.name != "http":
            clients[0].identify()
        prepared = _prepared(way, clients[0], daemon.port)
        run_round(daemon.pid, clients, prepared, in_flight, _WARM_UP)
        rounds = [
            run_round(daemon.pid, clients, prepared, in_flight, total) for _ in range(plan.rounds)
        ]
    if not several:
        load = "one at a time"
    elif count == 1:
        load = f"{IN_FLIGHT} in flight on one connection"
    else:
        load = f"one in flight on each of {count} connections"
    return _figures(way, rounds, load, several=several)


def _figures(way: Way, rounds: Sequence[Round], load: str, *, several: bool) -> list[Figure]:
    short = f"{IN_FLIGHT} in flight" if several else "one at a time"
    name = f"{way.name}_{'several' if several else 'single'}"

    def figure(part: str, what: str, unit: str, of: Callable[[Round], float]) -> Figure:
        samples = tuple(of(each) for each in rounds)
        return Figure.of(
            samples,
            name=f"{name}_{part}",
            what=f"{way.title}, {short}: {what}",
            unit=unit,
            budget=way.budget_us if several and part == "cpu" else None,
            more_is_better=part == "rate",
            note=load,
        )

    return [
        figure("cpu", "CPU", "us/request", lambda r: r.cpu_us()),
        figure("rate", "rate", "requests/s", lambda r: r.per_second()),
        figure("p50", "p50", "us", lambda r: r.latency_us(50)),
        figure("p99", "p99", "us", lambda r: r.latency_us(99)),
    ]
