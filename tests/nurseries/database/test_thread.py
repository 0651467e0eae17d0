"""The thread behind the queue: order, cancellation at each point, the end."""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from mrk.database.database_protocols import SqlConnection
from mrk.errors import ClientError
from nurseries.database.thread import MAX_QUEUED_CALLS, DatabaseThread
from nurseries.database.transaction import transaction


@contextmanager
def in_memory() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (n INTEGER)")
    yield connection
    connection.close()


def insert(number: int) -> Callable[[SqlConnection], int]:
    return lambda c: c.execute("INSERT INTO t VALUES (?)", (number,)).rowcount


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY rowid")]


class Gate:
    """A call that holds the thread until it is opened."""

    def __init__(self) -> None:
        self.entered = trio.Event()
        self._open = threading.Event()
        self._token = trio.lowlevel.current_trio_token()

    def __call__(self, _connection: sqlite3.Connection) -> str:
        self._token.run_sync_soon(self.entered.set)
        assert self._open.wait(20)
        return "through"

    def open(self) -> None:
        self._open.set()


@pytest.fixture
async def worker(nursery: trio.Nursery) -> DatabaseThread:
    made = DatabaseThread(in_memory)
    await nursery.start(made.serve)
    return made


async def test_calls_run_in_order_and_errors_reach_their_caller(worker: DatabaseThread) -> None:
    for number in range(3):
        assert await worker.call(insert(number)) == 1
    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda _c: 1 / 0)
    with pytest.raises(sqlite3.OperationalError):
        await worker.call(lambda c: c.execute("nonsense"))
    assert await worker.call(numbers) == [0, 1, 2]


async def test_a_call_cancelled_while_it_waits_never_runs(worker: DatabaseThread) -> None:
    admission = Gate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker.call, admission)
        await admission.entered.wait()
        with trio.CancelScope() as scope:
            nursery.start_soon(worker.call, insert(1))
            await wait_all_tasks_blocked()
            scope.cancel()
            await worker.call(insert(2))
        admission.open()
    assert scope.cancelled_caught
    assert await worker.call(numbers) == [1]


async def test_a_call_cancelled_while_it_runs_is_done_whole(worker: DatabaseThread) -> None:
    admission = Gate()

    def slow(connection: sqlite3.Connection) -> None:
        insert(1)(connection)
        admission(connection)
        insert(2)(connection)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker.call, slow)
        await admission.entered.wait()
        nursery.cancel_scope.cancel()
    admission.open()
    assert await worker.call(numbers) == [1, 2]


async def test_a_full_queue_makes_callers_wait(worker: DatabaseThread) -> None:
    admission = Gate()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(worker.call, admission)
        await admission.entered.wait()
        for number in range(MAX_QUEUED_CALLS + 10):
            nursery.start_soon(worker.call, insert(number))
        await wait_all_tasks_blocked()
        admission.open()
    assert sorted(await worker.call(numbers)) == list(range(MAX_QUEUED_CALLS + 10))


async def test_ordinary_calls_go_between_the_steps_of_a_long_one(worker: DatabaseThread) -> None:
    admission = Gate()

    def long_call(connection: sqlite3.Connection) -> list[int]:
        admission(connection)
        worker.run_waiting()
        return numbers(connection)

    seen: list[int] = []

    async def run_long() -> None:
        seen.extend(await worker.call(long_call, maintenance=True))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_long)
        await admission.entered.wait()
        nursery.start_soon(worker.call, insert(7))
        nursery.start_soon(lambda: worker.call(insert(8), maintenance=True))
        await wait_all_tasks_blocked()
        admission.open()
    assert seen == [7]
    assert await worker.call(numbers) == [7, 8]


async def test_what_waits_at_the_end_is_still_done() -> None:
    worker, admission, stored = DatabaseThread(in_memory), Gate(), []
    async with trio.open_nursery() as outer:

        async def call() -> None:
            await worker.call(insert(1))
            stored.append(1)

        async with trio.open_nursery() as inner:
            await inner.start(worker.serve)
            outer.start_soon(worker.call, admission)
            await admission.entered.wait()
            outer.start_soon(call)
            await wait_all_tasks_blocked()
            inner.cancel_scope.cancel()
            admission.open()
    assert stored == [1]
    with pytest.raises(ClientError) as caught:
        await worker.call(insert(2))
    assert caught.value.status == 503


async def test_the_end_interrupts_a_long_call() -> None:
    worker, began = DatabaseThread(in_memory), Gate()
    began.open()

    def endless(connection: sqlite3.Connection) -> None:
        began(connection)
        sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
        connection.execute(sql).fetchone()

    async def call() -> None:
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            await worker.call(endless, maintenance=True)

    with trio.fail_after(20):
        async with trio.open_nursery() as outer, trio.open_nursery() as inner:
            await inner.start(worker.serve)
            outer.start_soon(call)
            await began.entered.wait()
            inner.cancel_scope.cancel()


async def test_failing_to_open_ends_serve_and_refuses_callers() -> None:
    @contextmanager
    def broken() -> Iterator[sqlite3.Connection]:
        raise ValueError("no file")
        yield

    worker = DatabaseThread(broken)
    with pytest.RaisesGroup(pytest.RaisesExc(ValueError, match="no file"), flatten_subgroups=True):
        async with trio.open_nursery() as nursery:
            await nursery.start(worker.serve)
    with pytest.raises(ClientError):
        await worker.call(numbers)


async def test_cancelling_while_it_opens_closes_what_was_opened() -> None:
    entered, release, ended = trio.Event(), threading.Event(), threading.Event()
    token = trio.lowlevel.current_trio_token()

    @contextmanager
    def slow() -> Iterator[sqlite3.Connection]:
        token.run_sync_soon(entered.set)
        assert release.wait(20)
        with in_memory() as connection:
            yield connection
        ended.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(DatabaseThread(slow).serve)
        await entered.wait()
        nursery.cancel_scope.cancel()
        release.set()
    assert ended.is_set()


@pytest.mark.parametrize(
    "worst",
    [MemoryError(), RecursionError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit(),
     sqlite3.OperationalError("disk I/O error"), BaseException("anything")],
    ids=repr,
)  # fmt: skip
async def test_nothing_that_a_call_raises_ends_the_thread(
    worker: DatabaseThread, worst: BaseException
) -> None:
    def raise_it(_connection: sqlite3.Connection) -> None:
        raise worst

    for maintenance in (False, True):
        with pytest.raises(type(worst)):
            await worker.call(raise_it, maintenance=maintenance)
    assert await worker.call(insert(1)) == 1


async def test_a_call_that_leaves_its_transaction_open_harms_no_other(
    worker: DatabaseThread, caplog: pytest.LogCaptureFixture
) -> None:
    def leave_open(connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        insert(1)(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await worker.call(leave_open, maintenance=True)
    await worker.call(transaction(insert(2)))
    assert await worker.call(numbers) == [2]
    assert "left its transaction open" in caplog.text


async def test_calls_run_in_the_order_in_which_they_were_made(worker: DatabaseThread) -> None:
    made: list[int] = []
    ran: list[int] = []

    async def call(number: int) -> None:
        made.append(number)
        await worker.call(lambda _connection: ran.append(number))

    # Trio turns the order of tasks that may go on round half of the time.
    for beginning in range(0, 100, 10):
        async with trio.open_nursery() as nursery:
            for number in range(beginning, beginning + 10):
                nursery.start_soon(call, number)
    assert ran == made
