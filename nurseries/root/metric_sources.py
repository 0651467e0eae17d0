"""What the metrics are made of, from all over the generation."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from mrk.clients.registry import Clients
from mrk.database.database_protocols import DatabasePort
from mrk.jobs.queue import Queue
from mrk.metrics.daemon import (
    client_families,
    lag_family,
    request_family,
    round_trip_family,
    service_families,
)
from mrk.metrics.family import GAUGE, MetricFamily, single
from mrk.metrics.histogram import Histogram
from mrk.metrics.request_counts import RequestCounts
from mrk.supervision import Supervision
from nurseries.jobs.history_store import read_totals
from nurseries.jobs.job_queue import JobQueue


class Jobs:
    """Implements `JobFigures`."""

    def __init__(self, database: DatabasePort, job_queue: JobQueue) -> None:
        self._database = database
        self._job_queue = job_queue

    async def totals(self) -> Mapping[str, float]:
        """Those of the history."""
        return (await self._database.run(read_totals))[0]

    async def queue(self) -> Queue:
        """The job queue as it is."""
        return await self._job_queue.status()


def daemon_source(
    supervisions: Callable[[], Iterable[Supervision]],
    clients: Clients,
    connections: Callable[[], int],
    requests: RequestCounts,
    lag: Histogram,
    round_trip: Histogram,
) -> Callable[[], Iterator[MetricFamily]]:
    """Families of the daemon itself."""

    def families() -> Iterator[MetricFamily]:
        yield request_family(requests)
        yield lag_family(lag)
        yield round_trip_family(round_trip)
        yield from client_families(clients)
        yield single("mrk_http_connections", GAUGE, "Open TCP connections.", connections())
        yield from service_families(supervisions())

    return families
