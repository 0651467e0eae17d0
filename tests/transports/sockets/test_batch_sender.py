"""A burst to more clients than are sent to at once: no task for each, and others in between."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
import trio
import trio.testing

from mrk.api.caller import Transport
from mrk.clients.registry import Client, Clients
from mrk.clients.send_batch import SENDS_AT_ONCE
from mrk.definitions.limits import Limits
from mrk.websocket.frames import text_frame
from transports.sockets.batch_sender import BatchSender
from transports.sockets.outbox_sender import OutboxSender

CROWD = 2 * SENDS_AT_ONCE + 50


class Steps(trio.abc.Instrument):
    """How many clients had something new at each look of the loop at its sockets."""

    def __init__(self, peers: list[socket.socket]) -> None:
        self._peers = peers
        self.sent: list[int] = []

    def before_io_wait(self, timeout: float) -> None:
        self.sent.append(sum(bool(received(peer)) for peer in self._peers))


class Crowd:
    """Clients with sockets; `tasks` counts those that wanted a task of their own."""

    def __init__(self, stack: contextlib.ExitStack, count: int) -> None:
        self.clients = Clients()
        self.tasks = 0
        self.peers: list[socket.socket] = []
        self.senders: list[OutboxSender] = []
        for _ in range(count):
            ours, theirs = socket.socketpair()
            for one in (ours, theirs):
                stack.enter_context(one)
                one.setblocking(False)
            self.peers.append(theirs)
            self._add(trio.SocketStream(trio.socket.from_stdlib_socket(ours)))

    def _add(self, stream: trio.SocketStream) -> None:
        clients = self.clients
        sender = OutboxSender(stream, text_frame, Limits(), clients.send_batch, clients.waiting)
        sender.begin(self._start)
        self.senders.append(sender)
        number = clients.next_id()
        clients.add(Client(number, Transport.WEBSOCKET, sender, authorized=True))

    def _start(self) -> None:
        self.tasks += 1


def received(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65536)
    except BlockingIOError:
        return b""


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with contextlib.ExitStack() as stack:
        yield Crowd(stack, CROWD)


async def test_one_task_sends_to_all_that_are_left(crowd: Crowd, nursery: trio.Nursery) -> None:
    nursery.start_soon(BatchSender(crowd.clients.send_batch).serve)
    await trio.testing.wait_all_tasks_blocked()
    steps = Steps(crowd.peers)
    trio.lowlevel.add_instrument(steps)
    crowd.clients.broadcast("notify_gcode_response", ["ok"])
    await trio.testing.wait_all_tasks_blocked()
    trio.lowlevel.remove_instrument(steps)
    assert sum(steps.sent) == CROWD
    # Those of the burst itself and the first of the rest may meet.
    assert max(steps.sent) <= 2 * SENDS_AT_ONCE
    assert len([count for count in steps.sent if count]) >= 2
    assert crowd.tasks == 0


async def test_who_leaves_meanwhile_is_sent_nothing(crowd: Crowd, nursery: trio.Nursery) -> None:
    nursery.start_soon(BatchSender(crowd.clients.send_batch).serve)
    await trio.testing.wait_all_tasks_blocked()
    crowd.clients.broadcast("notify_gcode_response", ["ok"])
    crowd.senders[-1].close()
    await trio.testing.wait_all_tasks_blocked()
    assert [bool(received(peer)) for peer in crowd.peers] == [True] * (CROWD - 1) + [False]


async def test_without_it_clients_send_for_themselves(crowd: Crowd) -> None:
    async with trio.open_nursery() as ours:
        ours.start_soon(BatchSender(crowd.clients.send_batch).serve)
        await trio.testing.wait_all_tasks_blocked()
        ours.cancel_scope.cancel()
    crowd.clients.broadcast("notify_gcode_response", ["ok"])
    assert crowd.tasks == CROWD - SENDS_AT_ONCE


async def test_one_that_comes_again_sends_what_was_left(
    crowd: Crowd, nursery: trio.Nursery
) -> None:
    async with trio.open_nursery() as ours:
        ours.start_soon(BatchSender(crowd.clients.send_batch).serve)
        await trio.testing.wait_all_tasks_blocked()
        crowd.clients.broadcast("notify_gcode_response", ["ok"])
        ours.cancel_scope.cancel()
    nursery.start_soon(BatchSender(crowd.clients.send_batch).serve)
    await trio.testing.wait_all_tasks_blocked()
    assert all(received(peer) for peer in crowd.peers)
