"""Turns of uploads: shares of addresses, and who gives way to those that wait."""

import contextlib
import math

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from mrk.errors import ClientError
from mrk.http.head import RequestHead
from transports.transfers.upload_slots import (
    LEAST_RATE,
    PATIENCE_S,
    UPLOADS_AT_ONCE,
    UPLOADS_PER_ADDRESS,
    UploadSlot,
    UploadSlots,
)

WAIT_S = 60.0


class FakeExchange:
    """Brings `size` bytes every `interval_s`."""

    body_bytes = None

    def __init__(self, address: str, interval_s: float = math.inf, size: int = 0) -> None:
        self.head = RequestHead("POST", "/", "1.1", [], "127.0.0.1", address)
        self._interval_s = interval_s
        self._size = size

    async def receive(self) -> bytes:
        await trio.sleep(self._interval_s)
        return bytes(self._size)


class Uploading:
    """One upload's task; `outcome` tells how it ended."""

    def __init__(self, slots: UploadSlots, exchange: FakeExchange) -> None:
        self._slots = slots
        self._exchange = exchange
        self.began = trio.Event()
        self.began_at = math.nan
        self.outcome = ""

    async def run(self) -> None:
        try:
            async with self._slots.slot(self._exchange) as slot:  # type: ignore[arg-type]
                self.began.set()
                self.began_at = trio.current_time()
                while True:
                    await slot.receive()
        except ClientError as exc:
            self.outcome = f"{exc.status} after {trio.current_time() - self.began_at:.0f} s"


@pytest.fixture
def slots() -> UploadSlots:
    return UploadSlots(WAIT_S)


def start(nursery: trio.Nursery, slots: UploadSlots, *exchanges: FakeExchange) -> list[Uploading]:
    uploads = [Uploading(slots, exchange) for exchange in exchanges]
    for upload in uploads:
        nursery.start_soon(upload.run)
    return uploads


def brisk(address: str) -> FakeExchange:
    return FakeExchange(address, 1.0, LEAST_RATE)


async def test_one_address_has_its_share(slots: UploadSlots, autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        greedy = start(nursery, slots, *[brisk("10.0.0.2")] * (UPLOADS_PER_ADDRESS + 1))
        await wait_all_tasks_blocked()
        assert [upload.began.is_set() for upload in greedy].count(True) == UPLOADS_PER_ADDRESS
        (modest,) = start(nursery, slots, brisk("10.0.0.3"))
        await wait_all_tasks_blocked()
        assert modest.began.is_set()
        nursery.cancel_scope.cancel()


async def test_all_slots_have_a_bound(slots: UploadSlots, autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        exchanges = [brisk(f"10.0.0.{number}") for number in range(UPLOADS_AT_ONCE)]
        start(nursery, slots, *exchanges)
        await wait_all_tasks_blocked()
        (late,) = start(nursery, slots, brisk("10.0.1.1"))
        await wait_all_tasks_blocked()
        assert not late.began.is_set()
        began = trio.current_time()
        with pytest.raises(ClientError) as refused:
            async with slots.slot(brisk("10.0.1.2")):  # type: ignore[arg-type]
                raise AssertionError
        assert refused.value.status == 503
        assert trio.current_time() - began == pytest.approx(WAIT_S)
        nursery.cancel_scope.cancel()


async def test_nobody_ends_while_nobody_waits(
    slots: UploadSlots, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        stalled = start(nursery, slots, *[FakeExchange("10.0.0.2")] * UPLOADS_PER_ADDRESS)
        await trio.sleep(1000)
        assert {upload.outcome for upload in stalled} == {""}
        nursery.cancel_scope.cancel()


async def test_one_stalled_upload_gives_way_to_each_that_waits(
    slots: UploadSlots, autojump_clock: MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        stalled = start(
            nursery,
            slots,
            *(FakeExchange(f"10.0.0.{number % 2}") for number in range(UPLOADS_AT_ONCE)),
        )
        await wait_all_tasks_blocked()
        waiting = start(nursery, slots, brisk("10.0.1.1"), brisk("10.0.1.2"))
        await trio.sleep(PATIENCE_S - 0.1)
        assert not any(upload.began.is_set() for upload in waiting)
        await trio.sleep(2.1)  # they look once a second
        assert all(upload.began.is_set() for upload in waiting)
        assert sorted(upload.outcome for upload in stalled)[-3:-1] == ["", "408 after 10 s"]
        # Who has stalled for long gives way at once.
        await trio.sleep(100)
        began = trio.current_time()
        (late,) = start(nursery, slots, brisk("10.0.1.3"))
        await late.began.wait()
        assert trio.current_time() == began
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("size", "ends"), [(LEAST_RATE, False), (LEAST_RATE - 250, True)])
async def test_the_least_rate(autojump_clock: MockClock, size: int, ends: bool) -> None:
    slots = UploadSlots(1000)
    async with trio.open_nursery() as nursery:
        running = start(
            nursery, slots, *[FakeExchange("10.0.0.2", 1.0, size)] * UPLOADS_PER_ADDRESS
        )
        await wait_all_tasks_blocked()
        start(nursery, slots, brisk("10.0.0.2"))
        await trio.sleep(900)
        assert any(upload.outcome.startswith("408") for upload in running) is ends
        nursery.cancel_scope.cancel()


async def test_time_of_the_disk_is_not_the_clients(
    slots: UploadSlots, autojump_clock: MockClock
) -> None:
    exchange = brisk("10.0.0.2")
    async with trio.open_nursery() as nursery:
        start(nursery, slots, *[brisk("10.0.0.2")] * (UPLOADS_PER_ADDRESS - 1))
        await wait_all_tasks_blocked()
        async with slots.slot(exchange) as slot:  # type: ignore[arg-type]
            start(nursery, slots, brisk("10.0.0.2"))
            for _ in range(3):
                await slot.receive()
                await trio.sleep(PATIENCE_S * 1.5)
            assert not slot.ended
        nursery.cancel_scope.cancel()


async def test_who_gives_up_waiting_leaves_no_trace(
    slots: UploadSlots, autojump_clock: MockClock
) -> None:
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            start(nursery, slots, *[brisk("10.0.0.2")] * (UPLOADS_PER_ADDRESS + 3))
            await trio.sleep_forever()
    async with trio.open_nursery() as nursery:
        again = start(nursery, slots, *[brisk("10.0.0.2")] * UPLOADS_PER_ADDRESS)
        await wait_all_tasks_blocked()
        assert all(upload.began.is_set() for upload in again)
        nursery.cancel_scope.cancel()


async def test_all_slots_are_left_at_once_while_a_crowd_waits(slots: UploadSlots) -> None:
    """Who waits farther back may look first: nobody runs then, and there is nobody to end."""
    crowd = UPLOADS_AT_ONCE + 20
    begun = 0

    async def wait_for_slot(number: int) -> None:
        nonlocal begun
        exchange = FakeExchange(f"10.0.2.{number}")
        async with slots.slot(exchange):  # type: ignore[arg-type]
            begun += 1
            await trio.lowlevel.checkpoint()

    for _ in range(10):  # Trio runs tasks in any order
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as holding:
                async with trio.open_nursery() as holders:
                    held = [FakeExchange(f"10.0.3.{number}") for number in range(UPLOADS_AT_ONCE)]
                    start(holders, slots, *held)
                    await wait_all_tasks_blocked()
                    for number in range(crowd):
                        nursery.start_soon(wait_for_slot, number)
                    await wait_all_tasks_blocked()
                    holding.cancel()
    assert begun == 10 * crowd


async def test_those_that_wait_begin_in_the_instant_in_which_others_end(
    slots: UploadSlots, autojump_clock: MockClock
) -> None:
    one = [brisk("10.0.0.1") for _ in range(UPLOADS_PER_ADDRESS)]
    with trio.fail_after(WAIT_S):
        async with trio.open_nursery() as nursery:
            async with contextlib.AsyncExitStack() as running:
                for exchange in one:
                    await running.enter_async_context(slots.slot(exchange))  # type: ignore[arg-type]
                waiting = start(nursery, slots, *one)
                await trio.sleep(0.3)
                assert not any(upload.began.is_set() for upload in waiting)
            ended = trio.current_time()
            for upload in waiting:
                await upload.began.wait()
            assert {upload.began_at for upload in waiting} == {ended}
            nursery.cancel_scope.cancel()


async def test_one_that_gives_way_while_its_disk_is_busy_ends_with_its_next_wait(
    autojump_clock: MockClock,
) -> None:
    slot = UploadSlot(brisk("10.0.0.1"))  # type: ignore[arg-type]
    assert len(await slot.receive()) == LEAST_RATE
    slot.end()
    began = trio.current_time()
    with pytest.raises(ClientError) as caught:
        await slot.receive()
    assert caught.value.status == 408
    assert trio.current_time() == began
