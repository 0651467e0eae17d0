"""Metrics of the history's totals and of the job queue. Pure."""

from collections.abc import Iterator, Mapping

from mrk.jobs.queue import Queue, QueueState
from mrk.metrics.family import COUNTER, GAUGE, MetricFamily, single, states


def total_families(totals: Mapping[str, float]) -> Iterator[MetricFamily]:
    """From `server.history.totals`; a reset of the totals is a reset of the counters."""
    yield single("mrk_jobs", COUNTER, "Jobs that have ended.", totals.get("total_jobs"))
    yield single(
        "mrk_job_seconds", COUNTER, "Time of jobs, pauses included.", totals.get("total_time")
    )
    yield single(
        "mrk_job_print_seconds",
        COUNTER,
        "Time of jobs without pauses.",
        totals.get("total_print_time"),
    )
    yield single(
        "mrk_job_filament_meters",
        COUNTER,
        "Filament of jobs.",
        totals.get("total_filament_used"),
        0.001,
    )
    yield single(
        "mrk_longest_print_seconds", GAUGE, "The longest print.", totals.get("longest_print")
    )


def queue_families(queue: Queue) -> Iterator[MetricFamily]:
    """The job queue as it is."""
    copies = sum(job.copies for job in queue.jobs)
    yield single("mrk_job_queue_jobs", GAUGE, "Jobs in the queue.", len(queue.jobs))
    yield single("mrk_job_queue_copies", GAUGE, "Prints in the queue.", copies)
    yield states(
        "mrk_job_queue_state", "1 for the queue's state.", "state", QueueState, queue.state.value
    )
