"""A paired run: which families, beside whom, and what is printed at the end."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from benchmarks.clients import Lost
from benchmarks.daemon import MRK, DaemonFailed, Program
from benchmarks.figures import Failure
from benchmarks.klippy_replay import NoLink
from benchmarks.paired.comparison import Comparison, document, table
from benchmarks.paired.front_ends import compare_front_ends
from benchmarks.paired.moonraker import install
from benchmarks.paired.plan import QUICK, WHOLE, PairedPlan
from benchmarks.paired.processes import (
    compare_idle,
    compare_start,
    compare_transfers,
    compare_websockets,
)
from benchmarks.paired.pushes import compare_pushes
from benchmarks.paired.requests import compare_requests
from benchmarks.paired.speed import Speed
from benchmarks.wire import JunkFromServer

FAMILIES: dict[str, Callable[[PairedPlan, Sequence[Program], Speed], list[Comparison]]] = {
    "pushes": compare_pushes,
    "requests": compare_requests,
    "idle": compare_idle,
    "websockets": compare_websockets,
    "start": compare_start,
    "transfers": compare_transfers,
    "front_ends": compare_front_ends,
}


def paired_plan(
    *, quick: bool, rounds: int | None, subscribers: Sequence[int], rates: Sequence[int]
) -> PairedPlan:
    """The whole plan or the quick one, with what was asked for in its place."""
    plan = QUICK if quick else WHOLE
    return replace(
        plan,
        rounds=rounds or plan.rounds,
        subscribers=tuple(subscribers) or plan.subscribers,
        rates=tuple(rates) or plan.rates,
    )


def beside(moonraker: bool, checkout: Path | None) -> list[Program]:
    """mrk and whoever it is compared with; installs Moonraker where that is needed."""
    programs = [MRK]
    if moonraker:
        programs.append(install())
    if checkout is not None:
        folder = checkout.resolve()
        programs.append(Program(f"mrk in {folder.name}", MRK.command, folder))
    return programs


def run_paired(
    plan: PairedPlan,
    programs: Sequence[Program],
    names: Sequence[str],
    about: dict[str, Any],
    json_file: Path | None,
) -> None:
    """Compare, print, write; ends the process with 1 when something could not be measured."""
    speed = Speed()
    comparisons: list[Comparison] = []
    failures: list[Failure] = []
    for name in names:
        began = time.monotonic()
        try:
            comparisons += FAMILIES[name](plan, programs, speed)
        except (DaemonFailed, Lost, NoLink, JunkFromServer, OSError) as exc:
            failures.append(Failure(name, str(exc)))
        click.echo(f"{name}: {time.monotonic() - began:.0f} s", err=True)
    click.echo(table(comparisons, failures))
    click.echo(f"\n{speed.line()}")
    if json_file is not None:
        about["reference_ms"] = speed.samples_ms
        text = json.dumps(document(comparisons, failures, about), indent=2)
        json_file.write_text(text + "\n")
    sys.exit(1 if failures else 0)
