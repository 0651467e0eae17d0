"""What a scrape of `/metrics` costs: a printer with 60 objects, without the transport.

In this process, on this host's /proc; what is counted is processor time.
"""

import time
from collections.abc import Collection, Mapping
from typing import Any, cast

import trio

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from mrk.jobs.queue import Queue
from nurseries.metrics.subsystem import Metrics, PrinterStatus

OBJECTS = 60
_SCRAPES = 100  # a round
_NS_PER_MS = 1_000_000
_FIELDS: dict[str, Any] = {
    "temperature": 210.25, "target": 215.0, "power": 0.45, "speed": 0.5, "rpm": 3200,
    "last_stats": {"bytes_write": 1, "bytes_read": 2, "mcu_awake": 0.1, "srtt": 0.001, "freq": 1},
    "mcu_version": "v0.13.0",
}  # fmt: skip
_KINDS = ("heater_generic", "temperature_fan", "temperature_sensor", "fan_generic", "mcu")


class _Printer:
    """As many objects as a large printer has, all of them with values."""

    klippy_state = "ready"
    object_names: Collection[str] = [
        f"{_KINDS[number % len(_KINDS)]} part_{number}" for number in range(OBJECTS)
    ]

    def status(self, name: str) -> Mapping[str, Any]:
        return _FIELDS


class _Jobs:
    async def totals(self) -> Mapping[str, float]:
        await trio.lowlevel.checkpoint()
        return {"total_jobs": 100.0, "total_time": 1e6}

    async def queue(self) -> Queue:
        await trio.lowlevel.checkpoint()
        return Queue()


def measure_metrics(plan: Plan) -> list[Figure]:
    """Milliseconds of CPU for an answer in each format."""
    return [_scraped(plan, "Prometheus", False), _scraped(plan, "OpenMetrics", True)]


def _scraped(plan: Plan, name: str, openmetrics: bool) -> Figure:
    async def run() -> list[float]:
        metrics = Metrics(cast("PrinterStatus", _Printer()), _Jobs(), [])
        samples = []
        for _ in range(plan.rounds):
            began = time.process_time_ns()
            for _ in range(_SCRAPES):
                await metrics.text(openmetrics=openmetrics)
            samples.append((time.process_time_ns() - began) / _NS_PER_MS / _SCRAPES)
        return samples

    samples = trio.run(run)
    return Figure.of(
        samples,
        name=f"metrics_{name.lower()}",
        what=f"/metrics, {name}: CPU per scrape",
        unit="ms",
        budget=5,
        note=f"{OBJECTS} printer objects, without the transport",
    )
