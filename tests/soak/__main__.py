"""`python -m tests.soak`: an hour of a busy printer in some minutes, and what it leaves behind.

Ends with 1 and one line for each leak: descriptors, threads, tasks, files, memory beyond its bound,
prints without their row in the history.
"""

import contextlib
import json
import os
import random
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from benchmarks.daemon import Program, open_daemon, open_printer, temporary_folder
from benchmarks.process import MB, memory
from tests.soak.actors import (
    WEBSOCKETS,
    Place,
    Tally,
    join_and_leave,
    print_until,
    restart,
    upload,
)
from tests.soak.process import Observed
from tests.soak.talk import Unavailable, http
from tests.soak.verdict import (
    Snapshot,
    complaints,
    history_complaints,
    said_of,
    same_but_for_memory,
    work_complaints,
)

_SPEED = "40"
# Polls of feeds and the first use of what is loaded late are over then.
_SETTLE_S = 25.0
# Trio keeps an idle thread for 10 s, and closed connections may linger as long.
_CALM_S = 60.0
_SAMPLE_S = 10.0


@click.command()
@click.option("--minutes", type=click.FloatRange(0.1), default=20.0, show_default=True)
@click.option("--memory-mb", type=float, default=12.0, show_default=True, help="Growth allowed.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the dice.")
@click.option("--tracemalloc", "trace", is_flag=True, help="Say which lines keep memory (slow).")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all of it here.")
def main(minutes: float, memory_mb: float, seed: int, trace: bool, json_file: Path | None) -> None:
    """Soak a daemon on the virtual printer; fails when it does not come back to where it began."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(temporary_folder())
        data, temporary, facts = folder / "data", folder / "tmp", folder / "facts.json"
        temporary.mkdir()
        os.environ["TMPDIR"] = str(temporary)
        os.environ["SOAK_TRACEMALLOC"] = "1" if trace else ""
        printer = stack.enter_context(open_printer(data, "--speed", _SPEED))
        command = (sys.executable, "-m", "tests.soak.observed", str(facts))
        daemon = stack.enter_context(open_daemon(data, printer, program=Program("mrk", command)))
        daemon.wait_ready()
        observed = Observed(daemon.pid, data, temporary, facts)
        place = Place(daemon.port, printer, random.Random(seed), Tally())
        report = trio.run(partial(_soak, observed, place, minutes * 60, memory_mb, trace))
        log = daemon.log.read_text(errors="replace")
    report["tracebacks"] = log.count("Traceback (most recent call last)")
    if report["tracebacks"]:
        report["complaints"].append(f"{report['tracebacks']} tracebacks in the log")
        click.echo(log[log.index("Traceback (most recent call last)") - 300 :][:4000], err=True)
    if json_file is not None:
        json_file.write_text(json.dumps(report, indent=2) + "\n")
    for line in report["complaints"]:
        click.echo(line)
    for line in said_of(report["complaints"], log):
        click.echo(line, err=True)
    click.echo(f"soak: {len(report['complaints'])} complaints")
    sys.exit(1 if report["complaints"] else 0)


async def _soak(
    observed: Observed, place: Place, seconds: float, memory_mb: float, trace: bool
) -> dict[str, Any]:
    await trio.sleep(_SETTLE_S)
    start = await observed.snapshot()
    click.echo(f"start: {_line(start)}")
    told_halfway: list[dict[str, Any]] = []
    samples = await _load(observed, place, seconds, told_halfway)
    tally = place.tally
    known = frozenset(f"data/gcodes/{name}" for name in (*tally.files, *tally.unsure))
    end = await _calm(observed, start, known)
    click.echo(f"end: {_line(end)}")
    told_end = await observed.told()
    found = complaints(start, end, round(memory_mb * MB)) if not trace else []
    found += work_complaints(tally.prints)
    found += history_complaints(tally.prints, await _rows(place.port))
    outcomes = Counter(each.ended for each in tally.prints)
    click.echo(
        f"{tally.joined} websockets ({tally.aborted} reset, {tally.messages} messages),"
        f" {tally.uploads} uploads ({tally.aborted_uploads} broken off), {tally.restarts} restarts,"
        f" prints {dict(outcomes)}, {len(tally.refusals)} refused while restarting"
    )
    if trace:
        _print_growth(told_halfway[0]["lines"], told_end["lines"])
    return {
        "complaints": found,
        "resident_mb": samples,
        "start": _facts(start),
        "end": _facts(end),
        "refusals": tally.refusals[-100:],
        "objects": [told_halfway[0]["objects"], told_end["objects"]],
    }


async def _load(
    observed: Observed, place: Place, seconds: float, told_halfway: list[dict[str, Any]]
) -> list[float]:
    """Everything at once, then the last print to its end; returns resident memory as it went.

    What the daemon tells halfway is compared with the end: by then all that is loaded is loaded.
    """
    samples: list[float] = []
    async with trio.open_nursery() as nursery:
        for _ in range(WEBSOCKETS):
            nursery.start_soon(join_and_leave, place)
        nursery.start_soon(upload, place)
        nursery.start_soon(restart, place)
        nursery.start_soon(_sample, observed, samples)
        await print_until(place, trio.current_time() + seconds / 2)
        told_halfway.append(await observed.told())
        await print_until(place, trio.current_time() + seconds / 2)
        nursery.cancel_scope.cancel()
    return samples


async def _sample(observed: Observed, samples: list[float]) -> None:
    began = time.monotonic()
    while True:
        samples.append(round(memory(observed.pid).rss / MB, 1))
        click.echo(f"{time.monotonic() - began:.0f} s: {samples[-1]} MB", err=True)
        await trio.sleep(_SAMPLE_S)


async def _calm(observed: Observed, start: Snapshot, known: frozenset[str]) -> Snapshot:
    """The daemon once nothing countable is left over, or after a minute."""
    limit = trio.current_time() + _CALM_S
    while True:
        await trio.sleep(2)
        now = await observed.snapshot(known)
        if same_but_for_memory(start, now) or trio.current_time() > limit:
            return now


async def _rows(port: int) -> list[dict[str, Any]]:
    with trio.fail_after(30):
        while True:
            try:
                answer = await http(port, "GET", "/server/history/list?limit=100000")
            except Unavailable:
                await trio.sleep(0.5)
                continue
            rows: list[dict[str, Any]] = answer["jobs"]
            return rows


def _line(snapshot: Snapshot) -> str:
    counts = (snapshot.descriptors, snapshot.threads, snapshot.tasks)
    descriptors, threads, tasks = (count.total() for count in counts)
    return (
        f"{snapshot.resident_bytes / MB:.1f} MB, {descriptors} descriptors, {threads} threads,"
        f" {tasks} tasks, {dict(snapshot.allocators)}"
    )


def _facts(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "resident_bytes": snapshot.resident_bytes,
        "descriptors": dict(snapshot.descriptors),
        "threads": dict(snapshot.threads),
        "tasks": dict(snapshot.tasks),
        "allocators": dict(snapshot.allocators),
    }


def _print_growth(before: dict[str, Any], after: dict[str, Any]) -> None:
    growth = {
        line: (size - before.get(line, (0, 0))[0], count) for line, (size, count) in after.items()
    }
    for line, (size, count) in sorted(growth.items(), key=lambda item: -item[1][0])[:40]:
        click.echo(f"{size / 1000:9.1f} kB more, {count} blocks: {line}")


if __name__ == "__main__":
    main()
