"""What comes on its own is sent in one call; all else waits where it may be merged or collected."""

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from mrk.clients.send_batch import SendBatch
from mrk.definitions.limits import Limits
from mrk.klippy.etx import ETX, etx_frame
from mrk.status.update import StatusUpdate
from transports.sockets.outbox_sender import OutboxSender


class Wire:
    """A sender and its client; `tasks` counts those that it wanted, `sends` those to the kernel."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        self._theirs = theirs
        self.batch = SendBatch()
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        self.sender = OutboxSender(stream, etx_frame, Limits(), self.batch)
        self.tasks = self.sends = 0
        self.sender.begin(self._start)

    def _start(self) -> None:
        self.tasks += 1

    def status(self, **fans: object) -> None:
        self.sender.status(StatusUpdate({"fan": fans}, 1.0))

    def bytes_read(self) -> bytes:
        read = b""
        try:
            while chunk := self._theirs.recv(1_000_000):
                read += chunk
        except BlockingIOError:
            pass
        return read

    async def sent(self, count: int) -> list[Any]:
        """So many messages, while the rest is sent by the task that was wanted for it."""
        read = b""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.sender.run)
            while read.count(ETX) < count:
                await trio.lowlevel.checkpoint()
                read += self.bytes_read()
        return [json.loads(text) for text in read.split(ETX) if text]

    def heard(self) -> list[object]:
        return [json.loads(text) for text in self.bytes_read().split(ETX) if text]

    def fans(self) -> list[object]:
        return [message["params"][0]["fan"] for message in self.heard()]  # type: ignore[index]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        wire, write = Wire(ours, theirs), os.write

        def counted(descriptor: int, data: bytes) -> int:
            wire.sends += descriptor == ours.fileno()
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", counted)
        yield wire


async def test_alone_it_is_sent_at_once(wire: Wire) -> None:
    wire.status(speed=1)
    assert wire.fans() == [{"speed": 1}]
    assert not wire.sender.has_output
    assert wire.tasks == 0
    assert wire.sends == 1


async def test_in_a_burst_it_is_merged(wire: Wire) -> None:
    with wire.batch:
        wire.status(speed=1)
        wire.status(rpm=2)
        wire.status(speed=3)
        assert wire.bytes_read() == b""
    assert wire.fans() == [{"speed": 3, "rpm": 2}]


async def test_it_does_not_overtake_what_is_collected(wire: Wire) -> None:
    wire.sender.cork()
    wire.sender.reply(b'{"id":1}')
    wire.status(speed=1)
    wire.sender.reply(b'{"id":2}')
    wire.status(speed=2)
    assert wire.bytes_read() == b""
    wire.sender.flush()
    assert [message.get("id") for message in wire.heard()] == [1, 2, None]  # type: ignore[attr-defined]


async def test_it_does_not_cut_in_while_answers_are_collected(wire: Wire) -> None:
    wire.sender.cork()
    wire.status(speed=1)
    assert wire.bytes_read() == b""
    wire.sender.flush()
    assert wire.fans() == [{"speed": 1}]


async def test_what_the_kernel_does_not_take_goes_before_what_comes_later(wire: Wire) -> None:
    wire.status(text="x" * 3_000_000)
    assert wire.tasks == 1
    wire.status(speed=1)
    wire.status(speed=2)
    long, late = (message["params"][0]["fan"] for message in await wire.sent(2))
    assert long == {"text": "x" * 3_000_000}
    assert late == {"speed": 2}


async def test_it_waits_and_is_merged_while_the_kernel_takes_nothing(wire: Wire) -> None:
    wire.status(text="x" * 3_000_000)
    for speed in range(100):
        wire.status(speed=speed)
    assert wire.sender.has_output
    assert wire.tasks == 1


async def test_nothing_is_sent_to_a_client_that_has_gone(wire: Wire) -> None:
    wire.sender.close()
    wire.status(speed=1)
    assert wire.bytes_read() == b""
    assert wire.tasks == 0


async def test_an_answer_on_its_own_is_sent_at_once(wire: Wire) -> None:
    wire.sender.reply(b'{"id":1}')
    assert wire.heard() == [{"id": 1}]
    assert (wire.tasks, wire.sends) == (0, 1)


async def test_an_answer_waits_behind_what_waits(wire: Wire) -> None:
    wire.sender.reply(b'{"id":1,"text":"' + b"x" * 3_000_000 + b'"}')
    wire.status(speed=1)
    wire.sender.reply(b'{"id":2}')
    assert [message.get("id") for message in await wire.sent(3)] == [1, 2, None]
    assert wire.tasks == 1


async def test_answers_of_a_burst_leave_together(wire: Wire) -> None:
    with wire.batch:
        wire.sender.reply(b'{"id":1}')
        wire.sender.reply(b'{"id":2}')
        assert wire.bytes_read() == b""
    assert [message["id"] for message in wire.heard()] == [1, 2]  # type: ignore[index]
    assert wire.sends == 1
