"""What one linked Klipper does with each push."""

import trio.testing

from mrk.clients.send_batch import SENDS_AT_ONCE, SendBatch
from mrk.klippy.remote_methods import RemoteMethods
from mrk.klippy.round_trips import RoundTrips
from mrk.status.subscriptions import wanted
from mrk.status.update import StatusUpdate
from nurseries.klippy.linked import LinkedKlippy

PUSH = (
    b'{"method":"process_status_update","params":{"eventtime":1.5,"status":{"fan":{"speed":0.5}}}}'
)


class Reader:
    """Notes whether what it is told is collected."""

    open = True

    def __init__(self, batch: SendBatch) -> None:
        self._batch = batch
        self.depths: list[int] = []

    def push_status(self, update: StatusUpdate) -> None:
        self.depths.append(self._batch.depth)


async def depths_of(count: int, data: bytes) -> list[int]:
    """How deep the burst was in which the last of so many readers was told."""
    batch = SendBatch()
    ours, theirs = trio.testing.memory_stream_pair()
    linked = LinkedKlippy(
        ours, RemoteMethods(), lambda _event: None, lambda _event, _about: None, batch, RoundTrips()
    )
    readers = [Reader(batch) for _ in range(count)]
    for reader in readers:
        linked.board.set(reader, wanted({"fan": None}))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(linked.connection.run)
        await theirs.send_all(data)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return readers[-1].depths


async def test_a_push_on_its_own_is_not_collected() -> None:
    assert await depths_of(SENDS_AT_ONCE, PUSH + b"\x03") == [0]


async def test_pushes_that_come_together_are_collected() -> None:
    assert await depths_of(1, (PUSH + b"\x03") * 2) == [1, 1]


async def test_a_push_to_a_crowd_is_collected() -> None:
    assert await depths_of(SENDS_AT_ONCE + 1, PUSH + b"\x03") == [1]


async def test_subsystems_hear_only_of_what_they_follow() -> None:
    """Of an object that clients alone follow they would hear a part of its changes."""
    told: list[set[str]] = []
    ours, theirs = trio.testing.memory_stream_pair()
    linked = LinkedKlippy(
        ours,
        RemoteMethods(),
        lambda _event: None,
        lambda _update, about: told.append(set(about)),
        SendBatch(),
        RoundTrips(),
    )
    # A blank is nothing that Klipper writes there: such a push is read the slow way.
    push = PUSH.replace(b'"fan"', b'"webhooks": {"state": "ready"}, "fan"')
    async with trio.open_nursery() as nursery:
        nursery.start_soon(linked.connection.run)
        await theirs.send_all(push.replace(b'"status":', b'"status": ') + b"\x03")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert told == [{"webhooks"}]
