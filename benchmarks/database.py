"""What writes into the database cost, one by one, and what another client waits for meanwhile."""

import contextlib
import time

from benchmarks import wire
from benchmarks.bystander import ask_large, open_bystander
from benchmarks.clients import Client
from benchmarks.daemon import Daemon, open_linked
from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.process import Meter
from benchmarks.statistics import NS_PER_US, median, percentile


def measure_database(plan: Plan) -> list[Figure]:
    """CPU and time of server.database.post_item, each asked once the last was answered."""
    with open_linked() as daemon, contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("server.info")
        _write(client, plan.writes // 10)
        meter = Meter(daemon.pid)
        latencies_us = _write(client, plan.writes)
        cpu_us = meter.read().us_per(plan.writes)
        with open_bystander(daemon) as bystander:
            _write(client, plan.writes)
        lag_ms = _worst_lag_ms(daemon)
    note = f"{plan.writes} writes one after another on the unix socket"
    what = "database write"

    def figure(name: str, text: str, unit: str, value: float) -> Figure:
        return Figure(
            name=f"write_{name}", what=f"{what}: {text}", value=value, unit=unit, note=note
        )

    return [
        figure("cpu", "CPU", "us/write", cpu_us),
        figure("p50", "p50", "us", median(latencies_us)),
        figure("p99", "p99", "us", percentile(latencies_us, 99)),
        figure("beside_p99", "p99 of another", "ms", bystander.p99_ms()),
        figure("beside_worst", "longest wait of another", "ms", bystander.worst_ms()),
        figure("lag", "worst loop lag told", "ms", lag_ms),
    ]


def _write(client: Client, count: int) -> list[float]:
    """Microseconds from each question to its answer."""
    latencies_us = []
    for number in range(count):
        item = {"namespace": "benchmark", "key": f"a.k{number % 500}", "value": {"n": number}}
        request = wire.rpc("server.database.post_item", number, item)
        began_ns = time.monotonic_ns()
        ask_large(client, request)
        latencies_us.append((time.monotonic_ns() - began_ns) / NS_PER_US)
    return latencies_us


def _worst_lag_ms(daemon: Daemon) -> float:
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        return float(client.call("server.nurseries")["loop_lag_ms"]["worst_last_minute"])
