"""Metrics of the daemon itself: its process, its loop, who is connected, what was answered. Pure.

The runtime (`nurseries/metrics`) reads what the operating system says; the root what runs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from mrk.clients.registry import Clients
from mrk.metrics.family import COUNTER, GAUGE, HISTOGRAM, MetricFamily, Sample, by_label, single
from mrk.metrics.histogram import Histogram
from mrk.metrics.request_counts import RequestCounts
from mrk.supervision import Supervision, SupervisionState, flat
from mrk.version import MOONRAKER_VERSION


class ProcessFigures(msgspec.Struct, frozen=True):
    """What the operating system says of this process; None where it does not."""

    cpu_s: float | None = None
    resident_bytes: int | None = None
    virtual_bytes: int | None = None
    started_at: float | None = None
    open_fds: int | None = None
    max_fds: int | None = None
    threads: int | None = None


def process_families(process: ProcessFigures) -> Iterator[MetricFamily]:
    """Under the names that every exporter has for them."""
    rows = (
        ("process_cpu_seconds", COUNTER, "Processor time, user and system.", process.cpu_s),
        ("process_resident_memory_bytes", GAUGE, "Resident memory.", process.resident_bytes),
        ("process_virtual_memory_bytes", GAUGE, "Virtual memory.", process.virtual_bytes),
        ("process_start_time_seconds", GAUGE, "Unix time of its start.", process.started_at),
        ("process_open_fds", GAUGE, "Open file descriptors.", process.open_fds),
        ("process_max_fds", GAUGE, "Most file descriptors.", process.max_fds),
        ("process_threads", GAUGE, "Threads.", process.threads),
    )
    for name, kind, help_text, value in rows:
        yield single(name, kind, help_text, value)


def version_family() -> MetricFamily:
    """What answers."""
    samples = [Sample((("version", MOONRAKER_VERSION),), 1)]
    return MetricFamily("mrk_info", GAUGE, "1, with the version that clients are told.", samples)


def service_families(supervisions: Iterable[Supervision]) -> Iterator[MetricFamily]:
    """What `server.nurseries` shows: services by name, nested ones as well."""
    running: dict[str, bool] = {}
    restarts: Counter[str] = Counter()
    for one in flat(supervisions):
        up = one.state is SupervisionState.RUNNING
        running[one.name] = up and running.get(one.name, True)
        restarts[one.name] += one.restarts
    yield by_label(
        "mrk_service_running", GAUGE, "Whether a part of the daemon runs.", "service", running
    )
    yield by_label(
        "mrk_service_restarts", COUNTER, "How often it was started anew.", "service", restarts
    )


def client_families(clients: Clients) -> Iterator[MetricFamily]:
    """Websockets and unix sockets, and what waits for them."""
    counts: Counter[str] = Counter(websocket=0, unix=0)
    unauthorized = waiting = largest = 0
    for client in clients:
        counts[client.transport.value] += 1
        unauthorized += not client.authorized
        size_bytes = client.outbox.waiting_bytes
        waiting += size_bytes
        largest = max(largest, size_bytes)
    yield by_label("mrk_clients", GAUGE, "Clients connected now.", "transport", counts)
    yield single("mrk_clients_without_access", GAUGE, "Those without a log-in.", unauthorized)
    yield single("mrk_outbox_bytes", GAUGE, "Bytes that wait to be sent to clients.", waiting)
    yield single("mrk_outbox_largest_bytes", GAUGE, "Those of the slowest client.", largest)
    yield single(
        "mrk_held_bytes",
        GAUGE,
        "Bytes kept for all clients: output, backlogs, calls.",
        clients.waiting.held_bytes,
    )


def request_family(counts: RequestCounts) -> MetricFamily:
    """Answers by the way the request came, and by status."""
    samples = [
        Sample((("transport", transport.value), ("status", str(status))), count)
        for transport, tally in counts.rpc.items()
        for status, count in sorted(tally.items())
    ]
    return MetricFamily("mrk_requests", COUNTER, "Requests answered.", samples)


def lag_family(lag: Histogram) -> MetricFamily:
    """How late the event loop came."""
    text = "How late the event loop came to an instant, once a second."
    return MetricFamily("mrk_loop_lag_seconds", HISTOGRAM, text, histogram=lag)


def round_trip_family(round_trip: Histogram) -> MetricFamily:
    """How long Klipper took to answer."""
    text = "Klipper's answers to requests that do not wait for the printer."
    return MetricFamily("mrk_klippy_round_trip_seconds", HISTOGRAM, text, histogram=round_trip)
