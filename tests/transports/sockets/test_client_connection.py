"""The sender's task: there while something has to wait, and never after the end."""

import contextlib
from collections.abc import Iterator

import pytest
import trio
from trio.testing import (
    MemorySendStream,
    lockstep_stream_pair,
    memory_stream_pair,
    wait_all_tasks_blocked,
)

from mrk.clients.turns import Turns
from mrk.definitions.limits import Limits
from mrk.websocket.events import Ending
from transports.sockets.client_connection import ClientConnection
from transports.sockets.outbox_sender import OutboxSender

DONE = Ending(1000, "done")


def connection_on(
    stream: trio.abc.SendStream, limits: Limits | None = None
) -> tuple[ClientConnection, OutboxSender]:
    sender = OutboxSender(stream, bytes, limits or Limits())
    return ClientConnection("client 1", sender, Turns()), sender


def names(nursery: trio.Nursery) -> list[str]:
    (task,) = nursery.child_tasks
    return sorted(child.name for own in task.child_nurseries for child in own.child_tasks)


async def until(event: trio.Event) -> Ending:
    await event.wait()
    return DONE


async def test_the_sender_is_there_while_the_client_does_not_read() -> None:
    ours, theirs = lockstep_stream_pair()
    connection, sender = connection_on(ours)
    leave = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run, lambda: until(leave))
        await wait_all_tasks_blocked()
        for text in (b"one", b"two"):
            assert names(nursery) == []
            sender.append(text)
            await wait_all_tasks_blocked()
            assert names(nursery) == ["client 1 sender"]
            assert await theirs.receive_some() == text
            await wait_all_tasks_blocked()
        assert names(nursery) == []
        leave.set()
    assert connection.ending == DONE


async def test_what_waited_before_the_beginning_is_sent() -> None:
    ours, theirs = memory_stream_pair()
    connection, sender = connection_on(ours)
    sender.append(b"early")
    leave = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run, lambda: until(leave))
        assert await theirs.receive_some() == b"early"
        leave.set()


async def test_a_failed_sender_is_not_begun_again(autojump_clock: object) -> None:
    ours, _theirs = lockstep_stream_pair()
    connection, sender = connection_on(ours, Limits(send_s=5.0))
    sender.append(b"never read")
    began = trio.current_time()
    await connection.run(trio.sleep_forever)  # type: ignore[arg-type]
    assert trio.current_time() - began == pytest.approx(5.0, abs=0.1)
    assert connection.ending.reason == "read nothing for 5 s"
    assert not sender.intact


class OverflowAtTheEnd(trio.abc.Instrument):
    """Fills the outbox when the nursery is closed and `run` has not gone on yet."""

    def __init__(self, sender: OutboxSender) -> None:
        self._sender = sender
        self.task: trio.lowlevel.Task | None = None
        self.filled = False
        self.errors: list[BaseException] = []

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is not self.task or self.filled:
            return
        if any(own.child_tasks for own in task.child_nurseries):
            return
        self.filled = True
        try:
            self._sender.overflow("too much for all")
        except BaseException as exc:
            self.errors.append(exc)


@contextlib.contextmanager
def instrument(of: OverflowAtTheEnd) -> Iterator[None]:
    trio.lowlevel.add_instrument(of)
    try:
        yield
    finally:
        trio.lowlevel.remove_instrument(of)


async def test_an_outbox_that_overflows_while_the_connection_ends() -> None:
    ours = MemorySendStream()
    connection, sender = connection_on(ours)
    window = OverflowAtTheEnd(sender)
    leave = trio.Event()

    async def part() -> Ending:
        await leave.wait()
        window.task = trio.lowlevel.current_task()
        return DONE

    async def other() -> Ending:
        await trio.sleep_forever()
        raise AssertionError

    with instrument(window):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.run, part, other)
            await wait_all_tasks_blocked()
            leave.set()
    assert (window.filled, window.errors, connection.ending) == (True, [], DONE)
