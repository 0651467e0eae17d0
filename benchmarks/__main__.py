"""`python -m benchmarks`: measures the daemon and prints figures beside their budgets.

With `--beside-moonraker` mrk is compared with Moonraker in the same run. Progress goes to standard
error, the table to standard output, `--json FILE` gets everything.
The exit code is 1 when something could not be measured; a budget that is not met is no failure.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import trio

from benchmarks.bridge import measure_bridge
from benchmarks.clients import Lost
from benchmarks.crowds import measure_crowds
from benchmarks.daemon import DaemonFailed
from benchmarks.database import measure_database
from benchmarks.devices import measure_devices
from benchmarks.events import measure_events
from benchmarks.everything import measure_everything
from benchmarks.figures import Failure, Figure, document, table
from benchmarks.files import measure_files
from benchmarks.front_ends import measure_front_ends
from benchmarks.jobs import measure_jobs
from benchmarks.klippy_replay import NoLink
from benchmarks.metrics import measure_metrics
from benchmarks.mqtt import measure_mqtt
from benchmarks.paired.run import FAMILIES, beside, paired_plan, run_paired
from benchmarks.plan import QUICK, WHOLE, Plan
from benchmarks.presses import measure_presses
from benchmarks.proc_stats import measure_proc_stats
from benchmarks.process import reference_ms
from benchmarks.pushes import measure_pushes
from benchmarks.requests import measure_requests
from benchmarks.shutdown import measure_shutdown
from benchmarks.startup import measure_idle, measure_start
from benchmarks.transfers import measure_transfers
from benchmarks.updates import measure_updates
from benchmarks.webcams import measure_webcams
from benchmarks.websockets import measure_websockets
from benchmarks.wire import JunkFromServer
from mrk.version import VERSION

MEASUREMENTS: dict[str, Callable[[Plan], list[Figure]]] = {
    "start": measure_start,
    "idle": measure_idle,
    "everything": measure_everything,
    "requests": measure_requests,
    "pushes": measure_pushes,
    "bridge": measure_bridge,
    "events": measure_events,
    "transfers": measure_transfers,
    "files": measure_files,
    "front_ends": measure_front_ends,
    "jobs": measure_jobs,
    "database": measure_database,
    "mqtt": measure_mqtt,
    "proc_stats": measure_proc_stats,
    "metrics": measure_metrics,
    "devices": measure_devices,
    "presses": measure_presses,
    "webcams": measure_webcams,
    "updates": measure_updates,
    "shutdown": measure_shutdown,
    "websockets": measure_websockets,
    "crowds": measure_crowds,
}


def run(plan: Plan, names: Sequence[str], speed: list[float]) -> tuple[list[Figure], list[Failure]]:
    """Make the named measurements, one after another; one that fails does not stop the rest.

    Appends `reference_ms` to `speed` after each.
    """
    figures: list[Figure] = []
    failures: list[Failure] = []
    for name in names:
        began = time.monotonic()
        try:
            figures += MEASUREMENTS[name](plan)
        except (DaemonFailed, Lost, NoLink, JunkFromServer, OSError) as exc:
            failures.append(Failure(name, str(exc)))
        speed.append(reference_ms())
        click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    return figures, failures


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "mrk": VERSION,
        "python": platform.python_version(),
        "trio": trio.__version__,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


@click.command()
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all of it here.")
@click.option("--only", multiple=True, type=click.Choice(list(MEASUREMENTS)), help="Repeatable.")
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: does it work at all?")
@click.option("--beside-moonraker", is_flag=True, help="Compare with Moonraker, installed by pip.")
@click.option(
    "--beside-checkout",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Compare with the mrk in this folder.",
)
@click.option("--rounds", type=click.IntRange(1), help="Compared: rounds of each.")
@click.option("--subscribers", multiple=True, type=click.IntRange(1), help="Compared: repeatable.")
@click.option("--rate", "rates", multiple=True, type=click.IntRange(1), help="Pushes a second.")
def main(
    json_file: Path | None,
    only: tuple[str, ...],
    quick: bool,
    beside_moonraker: bool,
    beside_checkout: Path | None,
    rounds: int | None,
    subscribers: tuple[int, ...],
    rates: tuple[int, ...],
) -> None:
    """Measure the daemon in a process of its own, on loopback, in a temporary data folder."""
    if beside_moonraker or beside_checkout is not None:
        plan = paired_plan(quick=quick, rounds=rounds, subscribers=subscribers, rates=rates)
        if unknown := [name for name in only if name not in FAMILIES]:
            raise click.UsageError(f"not compared: {', '.join(unknown)}; {', '.join(FAMILIES)} are")
        programs = beside(beside_moonraker, beside_checkout)
        run_paired(plan, programs, only or tuple(FAMILIES), machine(), json_file)
    if rounds or subscribers or rates:
        raise click.UsageError("--rounds, --subscribers and --rate need something to compare with")
    run_alone(QUICK if quick else WHOLE, only or tuple(MEASUREMENTS), json_file)


def run_alone(plan: Plan, names: Sequence[str], json_file: Path | None) -> None:
    """Measure, print, write; ends the process with 1 when something could not be measured."""
    about = machine()
    speed = [reference_ms()]
    figures, failures = run(plan, names, speed)
    about["reference_ms"] = speed
    click.echo(table(figures, failures))
    click.echo(f"fixed piece of work: {min(speed):.1f} to {max(speed):.1f} ms during the run")
    if json_file is not None:
        text = json.dumps(document(figures, failures, about), indent=2)
        json_file.write_text(text + "\n")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
