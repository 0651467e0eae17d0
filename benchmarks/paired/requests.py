"""Requests on each way in, round by round in turn: processor time, rate and waiting time."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks import wire
from benchmarks.clients import HOST, Client, closing
from benchmarks.daemon import Daemon, Program
from benchmarks.floor.programs import ANSWER_FLOORS
from benchmarks.load import Round, run_round
from benchmarks.paired.comparison import Bound, Comparison
from benchmarks.paired.contenders import Contender, open_contenders, open_floor_contender
from benchmarks.paired.moonraker import NAME as MOONRAKER
from benchmarks.paired.nine_objects import OBJECTS
from benchmarks.paired.plan import PairedPlan
from benchmarks.paired.speed import Speed
from benchmarks.requests import IN_FLIGHT

_PREPARED = 64
_WARM_UP = 200


@dataclass(frozen=True, slots=True)
class Way:
    """A way in; `connections` carry several requests in flight together."""

    name: str
    connections: int
    connect: Callable[[Daemon], Client]


@dataclass(frozen=True, slots=True)
class Question:
    """One request in the words of each way; `bounds` of the ratio to Moonraker by way and part."""

    method: str
    params: dict[str, object] | None
    path: str
    bounds: dict[tuple[str, str], float]


@dataclass(frozen=True, slots=True)
class Part:
    """One figure of a round."""

    name: str
    unit: str
    of: Callable[[Round], float]


WAYS = (
    Way("websocket", 1, lambda daemon: Client.websocket(daemon.port)),
    Way("unix socket", 1, lambda daemon: Client.unix(daemon.unix_socket)),
    Way("HTTP", IN_FLIGHT, lambda daemon: Client.http(daemon.port)),
)
QUESTIONS = (
    Question(
        "server.info",
        None,
        "/server/info",
        {
            ("unix socket", "CPU"): 0.6,
            ("unix socket", "rate"): 1.0,
            ("unix socket", "p99"): 1.0,
            ("HTTP", "CPU"): 0.3,
        },
    ),
    Question(
        "printer.objects.query",
        {"objects": dict.fromkeys(OBJECTS)},
        "/printer/objects/query?" + "&".join(map(quote, OBJECTS)),
        {("websocket", "CPU"): 0.5, ("unix socket", "CPU"): 0.5, ("HTTP", "CPU"): 0.3},
    ),
)
PARTS = (
    Part("CPU", "us/request", lambda round_: round_.cpu_us()),
    Part("rate", "answers/s", lambda round_: round_.per_second()),
    Part("p50", "us", lambda round_: round_.latency_us(50)),
    Part("p99", "us", lambda round_: round_.latency_us(99)),
)


def compare_requests(
    plan: PairedPlan, programs: Sequence[Program], speed: Speed
) -> list[Comparison]:
    """Four figures for each question, way in and load."""
    found: list[Comparison] = []
    with contextlib.ExitStack() as stack:
        contenders = stack.enter_context(open_contenders(programs))
        contenders += [
            stack.enter_context(open_floor_contender(*floor)) for floor in ANSWER_FLOORS.items()
        ]
        for question in QUESTIONS:
            for way in WAYS:
                for several in (False, True):
                    found += _compare(plan, contenders, question, way, speed, several=several)
    return found


def _compare(
    plan: PairedPlan,
    contenders: Sequence[Contender],
    question: Question,
    way: Way,
    speed: Speed,
    *,
    several: bool,
) -> list[Comparison]:
    rounds: dict[str, list[Round]] = {contender.name: [] for contender in contenders}
    total = plan.requests if several else plan.requests // 3
    for number in range(plan.rounds):
        for contender in contenders:
            with _Load(contender, question, way, several=several) as load:
                load.run(_WARM_UP if number else 2 * _WARM_UP)
                rounds[contender.name].append(load.run(total))
        speed.note()
    return [_comparison(question, way, part, rounds, several=several) for part in PARTS]


class _Load:
    """Connections to one contender and the requests that are sent on them."""

    def __init__(
        self, contender: Contender, question: Question, way: Way, *, several: bool
    ) -> None:
        daemon = contender.daemon
        count = way.connections if several else 1
        self._pid = daemon.pid
        self._in_flight = IN_FLIGHT // count if several else 1
        self._clients = [way.connect(daemon) for _ in range(count)]
        self._requests = _prepared(way, question, self._clients[0], daemon.port)
        self._closing = closing(self._clients)

    def __enter__(self) -> "_Load":
        self._closing.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.__exit__(None, None, None)

    def run(self, total: int) -> Round:
        return run_round(self._pid, self._clients, self._requests, self._in_flight, total)


def _prepared(way: Way, question: Question, client: Client, port: int) -> Sequence[bytes]:
    if way.name == "HTTP":
        return [wire.http_get(question.path, f"{HOST}:{port}")]
    client.identify()
    return [
        client.frame(wire.rpc(question.method, number, question.params))
        for number in range(_PREPARED)
    ]


def _comparison(
    question: Question,
    way: Way,
    part: Part,
    rounds: dict[str, list[Round]],
    *,
    several: bool,
) -> Comparison:
    load = f"{IN_FLIGHT} in flight" if several else "one at a time"
    ratio = question.bounds.get((way.name, part.name))
    return Comparison(
        name="_".join(
            (question.method, way.name, "several" if several else "single", part.name)
        ).replace(" ", "_"),
        what=f"{question.method}, {way.name}, {load}: {part.name}",
        unit=part.unit,
        samples={name: [part.of(each) for each in of] for name, of in rounds.items()},
        bounds=() if ratio is None else (Bound(MOONRAKER, ratio),),
        more_is_better=part.name == "rate",
    )
