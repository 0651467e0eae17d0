"""The thread that owns the connection, and the queue that leads to it.

`DatabaseThread.serve` runs it; the thread ends with it, after the calls that already wait. Ordinary
calls are short. Long ones (maintenance: a copy, a compaction) run one at a time and let ordinary
calls in between their steps where they can.
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
# Calls that wait for the thread; over it callers wait for a place, in order. Each client's own
# limit of requests in flight bounds those.
MAX_QUEUED_CALLS = 256
MAX_MAINTENANCE_CALLS = 8
# Steps of SQLite's machine between two looks at the end: a hundred rows or so.
_STEPS_PER_LOOK = 500


class DatabaseStopped(ClientError):
    """The worker was told to end while a long call ran; the call leaves no trace."""

    def __init__(self) -> None:
        super().__init__("mrk is ending", 503)


class _Call(Generic[Result]):
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
        self._calls: deque[_Call[Any]] = deque()
        self._maintenance: deque[_Call[Any]] = deque()
        self._places = trio.Semaphore(MAX_QUEUED_CALLS)
        self._maintenance_places = trio.Semaphore(MAX_MAINTENANCE_CALLS)
        self._connection: sqlite3.Connection | None = None
        self._is_open = False
        self._stopping = False
        self._maintaining = False

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the connection is open. Raises what opening raised."""
        opened = _Call(lambda _connection: None)
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

        A cancelled caller's call is taken out of the queue, or, once begun, runs to its end. Calls
        run in the order in which they were made, as long as there are places: of two values for one
        key the later one stays.
        """
        calls = self._maintenance if maintenance else self._calls
        places = self._maintenance_places if maintenance else self._places
        try:
            places.acquire_nowait()  # `acquire` would let others, that came later, go first
        except trio.WouldBlock:
            await places.acquire()
        try:
            return await self._run_queued(_Call(function), calls)
        finally:
            places.release()

    async def _run_queued(self, call: _Call[Result], calls: "deque[_Call[Any]]") -> Result:
        with self._changed:
            if not self._is_open or self._stopping:
                raise closed()
            calls.append(call)
            self._changed.notify()
        try:
            await call.done.wait()
        finally:
            if not call.done.is_set():
                self._take_out(calls, call)
        return call.outcome.unwrap()

    def run_waiting(self) -> None:
        """In the thread, between two steps of a long call: run what waits.

        Raises `DatabaseStopped` when the worker is to end.
        """
        # Those that wait now, and not those that follow: a busy client must not starve the copy.
        self._watch_for_end(False)
        for _ in range(len(self._calls)):
            call = self._next(long_ones=False)
            if call is not None:
                self._run(call)
        self._watch_for_end(True)
        if self._stopping:
            raise DatabaseStopped

    def _take_out(self, calls: "deque[_Call[Any]]", call: "_Call[Any]") -> None:
        with self._changed:
            if call in calls:
                calls.remove(call)

    def _stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()

    async def _run_thread(self, opened: "_Call[None]") -> None:
        # A limiter of its own: the thread lives as long as the subsystem.
        limiter = trio.CapacityLimiter(1)
        await trio.to_thread.run_sync(self._thread, opened, limiter=limiter)

    def _thread(self, opened: "_Call[None]") -> None:
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
        while (call := self._wait_for_call()) is not None:
            self._watch_for_end(self._maintaining)
            self._run(call)
            self._watch_for_end(False)
            self._maintaining = False

    def _wait_for_call(self) -> "_Call[Any] | None":
        """The next call; None when the worker is to end and no ordinary call waits."""
        while True:
            call = self._next(long_ones=not self._stopping)
            if call is not None:
                return call
            with self._changed:
                if self._stopping and not self._calls:
                    return None
                if not self._calls and not self._maintenance:
                    self._changed.wait()

    def _next(self, *, long_ones: bool) -> "_Call[Any] | None":
        with self._changed:
            if self._calls:
                return self._calls.popleft()
            if long_ones and self._maintenance:
                self._maintaining = True
                return self._maintenance.popleft()
            return None

    def _run(self, call: "_Call[Any]") -> None:
        assert self._connection is not None
        call.outcome = outcome.capture(call.function, self._connection)
        if self._connection.in_transaction:
            # What a call leaves open would refuse every call that follows.
            left = outcome.capture(self._connection.rollback)
            logger.error("a database call left its transaction open: %s, %s", call.outcome, left)
        call.finish()

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
            rest = [*self._calls, *self._maintenance]
            self._calls.clear()
            self._maintenance.clear()
        for call in rest:
            call.finish()
