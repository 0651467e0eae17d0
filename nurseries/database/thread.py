"""The thread that owns the connection, and the queue that leads to it.

`DatabaseThread.serve` runs it; the thread ends with it, after the jobs that already wait. Ordinary
jobs are short. Long ones (maintenance: a copy, a compaction) run one at a time and let ordinary
jobs in between their steps where they can.
"""

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

import outcome
import trio

from mrk.errors import ClientError

logger = logging.getLogger(__name__)
Result = TypeVar("Result")
Open = Callable[[], AbstractContextManager[sqlite3.Connection]]
# Jobs that wait for the thread; over it callers wait for a place, in order. Each client's own
# limit of requests in flight bounds those.
QUEUE_JOBS = 256
MAINTENANCE_JOBS = 8
# Steps of SQLite's machine between two looks at the end: a hundred rows or so.
_STEPS_PER_LOOK = 500


class DatabaseStopped(ClientError):
    """The worker was told to end while a long job ran; the job leaves no trace."""

    def __init__(self) -> None:
        super().__init__("mrk is ending", 503)


class _Job(Generic[Result]):
    __slots__ = ("done", "function", "outcome", "token")

    def __init__(self, function: Callable[[sqlite3.Connection], Result]) -> None:
        self.function = function
        self.token = trio.lowlevel.current_trio_token()
        self.done = trio.Event()
        self.outcome: outcome.Outcome[Result] = outcome.Error(closed())

    def finish(self) -> None:
        self.token.run_sync_soon(self.done.set)


def closed() -> ClientError:
    """What callers hear before the database is open and after it ended."""
    return ClientError("The database is not open", 503)


class DatabaseThread:
    """One thread, one connection. `open_connection` is entered and left in the thread."""

    def __init__(self, open_connection: Open) -> None:
        self._open = open_connection
        self._changed = threading.Condition()
        self._jobs: deque[_Job[Any]] = deque()
        self._maintenance: deque[_Job[Any]] = deque()
        self._places = trio.Semaphore(QUEUE_JOBS)
        self._maintenance_places = trio.Semaphore(MAINTENANCE_JOBS)
        self._connection: sqlite3.Connection | None = None
        self._is_open = False
        self._stopping = False
        self._maintaining = False

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the connection is open. Raises what opening raised."""
        opened = _Job(lambda _connection: None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_thread, opened, name="database thread")
            try:
                await opened.done.wait()
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._stop()

    async def call(
        self, function: Callable[[sqlite3.Connection], Result], *, maintenance: bool = False
    ) -> Result:
        """Run `function(connection)` in the thread, and return or raise what it does.

        A cancelled caller's job is taken out of the queue, or, once begun, runs to its end.
        """
        jobs = self._maintenance if maintenance else self._jobs
        async with self._maintenance_places if maintenance else self._places:
            job = _Job(function)
            with self._changed:
                if not self._is_open or self._stopping:
                    raise closed()
                jobs.append(job)
                self._changed.notify()
            try:
                await job.done.wait()
            finally:
                if not job.done.is_set():
                    self._take_out(jobs, job)
            return job.outcome.unwrap()

    def run_waiting(self) -> None:
        """In the thread, between two steps of a long job: run what waits.

        Raises `DatabaseStopped` when the worker is to end.
        """
        # Those that wait now, and not those that follow: a busy client must not starve the copy.
        self._watch_for_end(False)
        for _ in range(len(self._jobs)):
            job = self._next(long_ones=False)
            if job is not None:
                self._run(job)
        self._watch_for_end(True)
        if self._stopping:
            raise DatabaseStopped

    def _take_out(self, jobs: "deque[_Job[Any]]", job: "_Job[Any]") -> None:
        with self._changed:
            if job in jobs:
                jobs.remove(job)

    def _stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()

    async def _run_thread(self, opened: "_Job[None]") -> None:
        # A limiter of its own: the thread lives as long as the subsystem.
        limiter = trio.CapacityLimiter(1)
        await trio.to_thread.run_sync(self._thread, opened, limiter=limiter)

    def _thread(self, opened: "_Job[None]") -> None:
        try:
            with self._open() as connection:
                with self._changed:
                    self._connection = connection
                    self._is_open = True
                opened.finish()
                try:
                    self._loop()
                finally:
                    with self._changed:
                        self._connection = None
        finally:
            self._refuse_rest()

    def _loop(self) -> None:
        while (job := self._wait_for_job()) is not None:
            self._watch_for_end(self._maintaining)
            self._run(job)
            self._watch_for_end(False)
            self._maintaining = False

    def _wait_for_job(self) -> "_Job[Any] | None":
        """The next job; None when the worker is to end and no ordinary job waits."""
        while True:
            job = self._next(long_ones=not self._stopping)
            if job is not None:
                return job
            with self._changed:
                if self._stopping and not self._jobs:
                    return None
                if not self._jobs and not self._maintenance:
                    self._changed.wait()

    def _next(self, *, long_ones: bool) -> "_Job[Any] | None":
        with self._changed:
            if self._jobs:
                return self._jobs.popleft()
            if long_ones and self._maintenance:
                self._maintaining = True
                return self._maintenance.popleft()
            return None

    def _run(self, job: "_Job[Any]") -> None:
        assert self._connection is not None
        job.outcome = outcome.capture(job.function, self._connection)
        if self._connection.in_transaction:
            # What a job leaves open would refuse every job that follows.
            left = outcome.capture(self._connection.rollback)
            logger.error("a database job left its transaction open: %s, %s", job.outcome, left)
        job.finish()

    def _watch_for_end(self, watch: bool) -> None:
        """Whether statements break off when the worker is to end: VACUUM has no steps.

        It leaves the file as it was. Asked for by SQLite as it goes; an interrupt from outside
        would miss a statement that is about to begin.
        """
        assert self._connection is not None
        handler = (lambda: self._stopping) if watch else None
        self._connection.set_progress_handler(handler, _STEPS_PER_LOOK)

    def _refuse_rest(self) -> None:
        with self._changed:
            self._is_open = False
            rest = [*self._jobs, *self._maintenance]
            self._jobs.clear()
            self._maintenance.clear()
        for job in rest:
            job.finish()
