"""The daemon's own metrics, and what /proc says."""

from mrk.api.caller import Transport
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client, Clients
from mrk.jobs.queue import Queue, QueuedJob
from mrk.metrics.daemon import (
    ProcessFigures,
    client_families,
    process_families,
    request_family,
    service_families,
)
from mrk.metrics.exposition import exposition
from mrk.metrics.family import MetricFamily
from mrk.metrics.jobs import queue_families, total_families
from mrk.metrics.process import parse_process
from mrk.metrics.request_counts import RequestCounts
from mrk.supervision import Supervision, SupervisionState

STAT = b"812 (a ) b) S 1 812 812 0 -1 4194304 5 0 0 0 150 50 0 0 20 0 7 0 10000 4096000 250 1844\n"


def told(*families: MetricFamily) -> dict[str, str]:
    lines = exposition(families, openmetrics=False).decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    del found["mrk_metrics_left_out"]
    return found


def test_the_process():
    figures = parse_process(STAT, b"cpu 1 2\nbtime 1700000000\n", ticks_per_s=100, page_bytes=4096)
    assert figures == ProcessFigures(2.0, 1_024_000, 4_096_000, 1_700_000_100.0, threads=7)
    assert told(*process_families(figures))["process_cpu_seconds_total"] == "2.0"


def test_what_proc_does_not_tell_is_absent():
    for stat in (b"", b"x", b"1 (a) S 1", STAT.replace(b"150", b"x")):
        assert parse_process(stat, b"", ticks_per_s=100, page_bytes=4096) == ProcessFigures()
    assert told(*process_families(ProcessFigures())) == {}
    figures = parse_process(STAT, b"btime soon\n", ticks_per_s=100, page_bytes=4096)
    assert figures.started_at is None


def test_services_nested_and_of_equal_names():
    inner = Supervision("plug", state=SupervisionState.WAITING, restarts=2)
    outer = Supervision("power", state=SupervisionState.RUNNING, children=[inner])
    other = Supervision("plug", state=SupervisionState.RUNNING, restarts=1)
    assert told(*service_families([outer, other])) == {
        'mrk_service_running{service="power"}': "1",
        'mrk_service_running{service="plug"}': "0",
        'mrk_service_restarts_total{service="power"}': "0",
        'mrk_service_restarts_total{service="plug"}': "3",
    }


def test_clients_and_their_outboxes():
    clients = Clients()
    for number, size_bytes in enumerate((10, 30)):
        outbox = Outbox(bytes, 1000, lambda: None)
        outbox.append(b"x" * size_bytes)
        clients.add(Client(number, Transport.WEBSOCKET, outbox, authorized=number == 0))
    found = told(*client_families(clients))
    assert found['mrk_clients{transport="websocket"}'] == "2"
    assert found['mrk_clients{transport="unix"}'] == "0"
    assert found["mrk_clients_without_access"] == "1"
    assert found["mrk_outbox_bytes"] == "40"
    assert found["mrk_outbox_largest_bytes"] == "30"


def test_requests_by_transport_and_status():
    counts = RequestCounts()
    counts.http[200] += 2
    counts.http[404] += 1
    counts.rpc[Transport.WEBSOCKET][-32601] += 1
    assert told(request_family(counts)) == {
        'mrk_requests_total{transport="http",status="200"}': "2",
        'mrk_requests_total{transport="http",status="404"}': "1",
        'mrk_requests_total{transport="websocket",status="-32601"}': "1",
    }


def test_jobs():
    queue = Queue((QueuedJob("1", "a", 0.0, copies=3), QueuedJob("2", "b", 0.0)))
    found = told(*queue_families(queue), *total_families({"total_jobs": 4.0, "total_time": 10.5}))
    assert found["mrk_job_queue_jobs"] == "2"
    assert found["mrk_job_queue_copies"] == "4"
    assert found['mrk_job_queue_state{state="paused"}'] == "1"
    assert found["mrk_jobs_total"] == "4.0"
    assert "mrk_longest_print_seconds" not in found
