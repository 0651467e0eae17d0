"""What each contender is as a process: start, idle cost, memory of a websocket, large files."""

import os
import resource
import time
from collections.abc import Callable, Sequence

from benchmarks.clients import Client, closing
from benchmarks.crowd import Crowd
from benchmarks.daemon import Daemon, Program, open_daemon, temporary_folder
from benchmarks.klippy_replay import open_replay_process
from benchmarks.paired.comparison import Bound, Comparison
from benchmarks.paired.contenders import open_contenders
from benchmarks.paired.moonraker import NAME as MOONRAKER
from benchmarks.paired.plan import PairedPlan
from benchmarks.paired.speed import Speed
from benchmarks.process import MB, Meter, memory
from benchmarks.startup import WARM_UP_S
from benchmarks.transfers import download, upload

_START_RATIO = 0.6
_PIECE = 1_000_000
_SETTLE_S = 1.0
Samples = dict[str, list[float]]


def compare_start(plan: PairedPlan, programs: Sequence[Program], speed: Speed) -> list[Comparison]:
    """From spawning the process to its first answer; byte code is on disk."""
    seconds: Samples = {program.name: [] for program in programs}
    cpu: Samples = {program.name: [] for program in programs}
    with temporary_folder() as folder, open_replay_process(folder / "klippy.sock"):
        for number in range(plan.starts + 1):
            for program in programs:
                data = folder / program.name
                with open_daemon(data, folder / "klippy.sock", program=program) as daemon:
                    if not number:  # it made its folders and its database
                        time.sleep(WARM_UP_S)
                    else:
                        seconds[program.name].append(daemon.answered_s)
                        cpu[program.name].append(daemon.answered_cpu_s)
            speed.note()
    bounds = (Bound(MOONRAKER, _START_RATIO),)
    return [
        Comparison(
            name="start", what="start to first answer", unit="s", samples=seconds, bounds=bounds
        ),
        Comparison(name="start_cpu", what="start to first answer: CPU", unit="s", samples=cpu),
    ]


def compare_idle(plan: PairedPlan, programs: Sequence[Program], speed: Speed) -> list[Comparison]:
    """Share of a core and resident memory, linked and without a client."""
    share: Samples = {}
    resident: Samples = {}
    with open_contenders(programs) as contenders:
        time.sleep(plan.settle_s)
        meters = {contender.name: Meter(contender.daemon.pid) for contender in contenders}
        time.sleep(plan.idle_s)
        for contender in contenders:
            share[contender.name] = [meters[contender.name].read().share() * 100]
            resident[contender.name] = [memory(contender.daemon.pid).rss / MB]
        speed.note()
    return [
        Comparison(name="idle_cpu", what="idle: CPU", unit="% of a core", samples=share),
        Comparison(name="idle_memory", what="idle: resident memory", unit="MB", samples=resident),
    ]


def compare_websockets(
    plan: PairedPlan, programs: Sequence[Program], speed: Speed
) -> list[Comparison]:
    """Growth of resident memory by identified websockets that do nothing."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    samples: Samples = {}
    with open_contenders(programs) as contenders:
        for contender in contenders:
            samples[contender.name] = [
                _weigh(contender.daemon, plan.first_websockets, plan.websockets)
            ]
            speed.note()
    return [
        Comparison(
            name="websocket_memory",
            what=f"memory per idle websocket, {plan.websockets} more than {plan.first_websockets}",
            unit="kB",
            samples=samples,
        )
    ]


def _weigh(daemon: Daemon, first: int, count: int) -> float:
    clients: list[Client] = []
    with closing(clients):
        _join(daemon, clients, first)
        before = memory(daemon.pid).rss
        _join(daemon, clients, count)
        return (memory(daemon.pid).rss - before) / count / 1000


def _join(daemon: Daemon, clients: list[Client], count: int) -> None:
    for _ in range(count):
        clients.append(Client.websocket(daemon.port))
        clients[-1].identify()
    crowd = Crowd(clients)
    crowd.drain(_SETTLE_S)
    crowd.close()


def compare_transfers(
    plan: PairedPlan, programs: Sequence[Program], speed: Speed
) -> list[Comparison]:
    """Processor time per MB of one large file, up and down."""
    data = os.urandom(_PIECE)
    ups: Samples = {program.name: [] for program in programs}
    downs: Samples = {program.name: [] for program in programs}
    with open_contenders(programs) as contenders:
        for number in range(plan.rounds + 1):
            size_bytes = plan.transfer_bytes if number else _PIECE
            for contender in contenders:
                up = upload(contender.daemon, data, size_bytes)
                down = download(contender.daemon)
                if number:  # the first one loads the parser
                    ups[contender.name].append(up)
                    downs[contender.name].append(down)
            speed.note()
    size = f"{plan.transfer_bytes // MB} MB"
    return [
        Comparison(name="upload", what=f"upload of {size}: CPU", unit="ms/MB", samples=ups),
        Comparison(name="download", what=f"download of {size}: CPU", unit="ms/MB", samples=downs),
    ]


Compare = Callable[[PairedPlan, Sequence[Program], Speed], list[Comparison]]
