"""What a long history costs: lists, totals, and what another client waits for meanwhile.

The jobs are written into the database while no daemon runs.
"""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import wire
from benchmarks.bystander import Bystander, ask_large, open_bystander
from benchmarks.clients import Client
from benchmarks.daemon import Daemon, open_daemon, open_printer, temporary_folder
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import Meter
from benchmarks.statistics import NS_PER_US

_BUSY_S = 2.0
_ROW = """INSERT INTO job_history (user, filename, status, start_time, end_time, print_duration,
    total_duration, filament_used, metadata) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_METADATA = {
    "size": 1_234_567, "modified": 1_700_000_000.25, "uuid": "5a2f0c3e-5d1f-4b58-9f2f-3a1a2f6f3f10",
    "slicer": "PrusaSlicer", "slicer_version": "2.5.0", "estimated_time": 5423, "object_height": 20,
    "layer_count": 100, "layer_height": 0.2, "first_layer_height": 0.2, "nozzle_diameter": 0.4,
    "filament_total": 1234.56, "filament_weight_total": 3.68, "filament_name": "Prusament PLA",
    "filament_type": "PLA", "first_layer_bed_temp": 60, "first_layer_extr_temp": 215,
    "thumbnails": [
        {"width": 32, "height": 32, "size": 1021, "relative_path": ".thumbs/part-32x32.png"},
        {"width": 400, "height": 300, "size": 28_123, "relative_path": ".thumbs/part-400x300.png"},
    ],
}  # fmt: skip


def measure_jobs(plan: Plan) -> list[Figure]:
    """history.list of 50 (as front ends open), of all, and the totals."""
    with temporary_folder() as folder, open_printer(folder) as klippy:
        with open_daemon(folder, klippy) as daemon:
            daemon.wait_ready()
        _fill(folder, plan.history_jobs)
        with open_daemon(folder, klippy) as daemon:
            daemon.wait_ready()
            time.sleep(1)  # what a start has still to do
            return _measure(plan, daemon)


def _fill(folder: Path, count: int) -> None:
    database = sqlite3.connect(folder / "database" / "mrk.db")
    with contextlib.closing(database), database:
        database.executemany(_ROW, _rows(count))
        for name in ("total_jobs", "total_time", "total_print_time", "total_filament_used"):
            database.execute("INSERT INTO job_totals VALUES ('history', ?, NULL, ?)", (name, count))


def _rows(count: int) -> Iterator[tuple[object, ...]]:
    metadata = json.dumps(_METADATA)
    for number in range(count):
        start = 1_700_000_000.0 + 4000 * number
        name = f"folder-{number % 50}/part-{number % 700}.gcode"
        yield "No User", name, "completed", start, start + 3600, 3500.0, 3600.0, 1200.0, metadata


def _measure(plan: Plan, daemon: Daemon) -> list[Figure]:
    count = plan.history_jobs
    requests = {
        "page": (f"list of 50 of {count} jobs", _list({"limit": 50})),
        "deep_page": (
            f"list of 50, {count // 2} skipped",
            _list({"limit": 50, "start": count // 2}),
        ),
        "all": (f"list of all {count} jobs", _list({"limit": 0})),
        "totals": ("history totals", wire.rpc("server.history.totals", "totals")),
    }
    figures = []
    for name, (what, request) in requests.items():
        cpu_ms, wall_ms, bystander = _ask(plan, daemon, request)
        figures += [
            _figure(f"history_{name}_cpu", f"{what}: CPU", "ms/call", cpu_ms),
            _figure(f"history_{name}_time", f"{what}: time", "ms", wall_ms),
            _figure(f"history_{name}_p99", f"{what}: p99 of another", "ms", [bystander.p99_ms()]),
            _figure(f"history_{name}_worst", f"{what}: longest wait", "ms", [bystander.worst_ms()]),
        ]
    return figures


def _list(params: dict[str, int]) -> bytes:
    return wire.rpc("server.history.list", "list", params)


def _ask(plan: Plan, daemon: Daemon, request: bytes) -> tuple[list[float], list[float], Bystander]:
    """CPU and time of calls on their own; then as many as fit beside a bystander."""
    cpu_ms, wall_ms = [], []
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("server.info")
        for _ in range(plan.rounds):
            meter = Meter(daemon.pid)
            ask_large(client, request)
            spent = meter.read()
            cpu_ms.append(spent.cpu_ns / NS_PER_US / 1000)
            wall_ms.append(spent.wall_ns / NS_PER_US / 1000)
        with open_bystander(daemon) as bystander:
            limit = time.monotonic() + _BUSY_S
            while time.monotonic() < limit:
                ask_large(client, request)
    return cpu_ms, wall_ms, bystander


def _figure(name: str, what: str, unit: str, samples: list[float]) -> Figure:
    return Figure.of(
        samples,
        name=name,
        what=what,
        unit=unit,
        note="unix socket; another client asks server.info every 2 ms in rounds of its own",
    )
