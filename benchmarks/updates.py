"""What a look for updates costs: ten git clones, of which each has something new.

The remotes are bare repositories in the same folder; git runs for real, below everything else in
priority. A bystander asks for something small all the while.
"""

import contextlib
import subprocess
import time
from pathlib import Path

from benchmarks.bystander import open_bystander
from benchmarks.clients import Client, Lost
from benchmarks.daemon import (
    Daemon,
    DaemonFailed,
    open_daemon,
    open_printer,
    tail,
    temporary_folder,
)
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import cpu_ns
from benchmarks.statistics import NS_PER_S, median

ITEMS = 10
_COMMITS = 500
_PATIENCE_S = 120.0
_HOUR_S = 3600.0
_SECTION = """
[update_manager thing{number}]
type: git_repo
path: {folder}/thing{number}
origin: {origin}
primary_branch: master
is_system_service: False
"""
_TICKS_PER_S = 100


def measure_updates(plan: Plan) -> list[Figure]:
    """Processor time of a look at all items, and how long others waited meanwhile."""
    with temporary_folder() as folder, open_printer(folder) as klippy:
        origin = _repository(folder / "origin.git")
        sections = "\n[update_manager]\nenable_auto_refresh: False\nenable_system_updates: False\n"
        for number in range(ITEMS):
            _git(folder, "clone", "-q", str(origin), f"thing{number}")
            sections += _SECTION.format(number=number, folder=folder, origin=origin.as_uri())
        with open_daemon(folder, klippy, sections) as daemon:
            daemon.wait_ready()
            _wait_for_the_first(daemon)
            rounds = [_round(daemon, origin, number) for number in range(plan.file_rounds)]
    seconds = tuple(own_s + children_s for own_s, children_s, _worst_ms in rounds)
    waits = tuple(worst_ms for _own_s, _children_s, worst_ms in rounds)
    own = median([own_s for own_s, _children_s, _worst_ms in rounds])
    return [
        Figure.of(
            seconds,
            name="refresh_cpu",
            what=f"look for updates of {ITEMS} clones: CPU",
            unit="s",
            budget=_HOUR_S / 100,
            note=f"the daemon's own {own:.2f} s; 1 % of a core is 36 s of the hour between two",
        ),
        Figure.of(
            waits,
            name="refresh_wait",
            what="look for updates: longest wait",
            unit="ms",
            budget=20,
            note="server.info every 2 ms over the unix socket meanwhile",
        ),
    ]


def _round(daemon: Daemon, origin: Path, number: int) -> tuple[float, float, float]:
    """Seconds of the daemon, seconds of what it started, the longest wait in ms."""
    _commits(origin, 5, first=_COMMITS * (number + 2))
    own_ns, children_s = cpu_ns(daemon.pid), _children_s(daemon.pid)
    with open_bystander(daemon) as bystander:
        _refresh(daemon)
    own_s = (cpu_ns(daemon.pid) - own_ns) / NS_PER_S
    return own_s, _children_s(daemon.pid) - children_s, bystander.worst_ms()


def _wait_for_the_first(daemon: Daemon) -> None:
    """Wait until the look that every start makes is over; raises `DaemonFailed`."""
    limit = time.monotonic() + _PATIENCE_S
    while time.monotonic() < limit:
        with contextlib.suppress(Lost):  # 503 until then
            _refresh(daemon)
            return
        time.sleep(0.2)
    raise DaemonFailed(f"the first look does not end\n{tail(daemon.log)}")


def _refresh(daemon: Daemon) -> None:
    """Look at all items; raises `DaemonFailed` when one was not looked at."""
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        found = client.call("machine.update.refresh", limit_s=_PATIENCE_S)["version_info"]
    if not all(found[f"thing{number}"]["is_valid"] for number in range(ITEMS)):
        raise DaemonFailed(f"a clone is not valid\n{tail(daemon.log)}")


def _children_s(pid: int) -> float:
    """Processor time of children that have ended, and of theirs (proc(5): cutime, cstime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / _TICKS_PER_S


def _repository(path: Path) -> Path:
    path.mkdir()
    _git(path, "init", "-q", "--bare", "-b", "master")
    _commits(path, _COMMITS)
    return path


def _commits(bare: Path, count: int, first: int = 0) -> None:
    """On master, each with a file of its own."""
    said = []
    for number in range(first, first + count):
        text = f"print({number})\n" * 50
        author = f"bench <bench@localhost> {1_700_000_000 + number} +0000"
        said.append(f"commit refs/heads/master\ncommitter {author}\ndata 6\nchange\n")
        if first and number == first:
            said.append("from refs/heads/master^0\n")
        said.append(f"M 644 inline f{number % 100}/{number}.py\ndata {len(text)}\n{text}\n")
    _git(bare, "fast-import", "--quiet", given="".join(said).encode())


def _git(folder: Path, *arguments: str, given: bytes = b"") -> None:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, input=given, capture_output=True, check=False
    )
    if done.returncode:
        raise DaemonFailed(f"git {arguments[0]}: {done.stderr.decode(errors='replace')[-1000:]}")
