"""How much is measured: the whole run, and a quick one to see that everything works."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Times in seconds, sizes in bytes, everything else in pieces."""

    starts: int = 5
    settle_s: float = 10.0
    idle_s: float = 10.0
    rounds: int = 5
    requests: int = 4000  # a round, with several in flight; a third of it one at a time
    push_rounds: int = 3
    pushes: int = 480  # a round; ten times the recording
    baseline_s: float = 3.0
    bridge_bytes: int = 100_000_000
    stops: int = 3
    transfer_rounds: int = 5
    transfer_bytes: int = 100_000_000
    large_transfer_bytes: int = 1_000_000_000
    file_rounds: int = 3
    dropped_files: int = 400
    large_gcode_bytes: tuple[int, ...] = (100_000_000, 1_000_000_000)
    tree_files: int = 5000
    tree_folders: int = 50
    history_jobs: int = 20_000
    writes: int = 2000
    websockets: int = 1000
    hold_s: float = 12.0  # longer than the daemon waits between pings


WHOLE = Plan()
QUICK = Plan(
    starts=2,
    settle_s=2.0,
    idle_s=2.0,
    rounds=2,
    requests=1500,
    push_rounds=1,
    pushes=144,
    baseline_s=1.0,
    bridge_bytes=20_000_000,
    stops=1,
    transfer_rounds=2,
    transfer_bytes=20_000_000,
    large_transfer_bytes=100_000_000,
    file_rounds=1,
    dropped_files=100,
    large_gcode_bytes=(100_000_000,),
    tree_files=1000,
    history_jobs=5000,
    writes=300,
    hold_s=1.0,
)
