"""The reporter is ended, or a client leaves, at each turn of the event loop."""

import pytest
import trio
import trio.testing

from tests.fakes.spoolman_http import Fault
from tests.nurseries.spoolman.house import SYNC_S, Mrk, beats, open_mrk, open_workshop

near = pytest.approx
TURNS = range(0, 40)


async def turns(count):
    for _ in range(count):
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    "fault", [Fault.NONE, Fault.LOST_AFTER, Fault.HUNG_AFTER, Fault.HUNG_BEFORE]
)
async def test_ended_while_a_report_is_made(fault, autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        shop.klippy.print()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
        pushed = 0
        for count in TURNS:
            shop.http.faults.append(fault)
            async with open_mrk(shop) as mrk:
                shop.klippy.push(10)
                pushed += 10
                await trio.testing.wait_all_tasks_blocked()
                await trio.sleep(SYNC_S)
                await turns(count)
                began = trio.current_time()
            assert trio.current_time() - began < 1.0
            shop.http.faults.clear()
            async with open_mrk(shop) as mrk:
                await beats(20)
                assert await mrk.pending() == {}
            assert shop.rules.used_mm(1) == near(pushed)


async def test_begun_anew_at_any_turn(autojump_clock):
    """As the supervisor does after it fell behind: the same object serves again."""
    async with open_workshop() as shop, trio.open_nursery() as nursery:
        shop.rules.add()
        mrk = Mrk(shop)
        mrk.link.connect()
        for count in TURNS:
            mrk.scope = trio.CancelScope()
            await nursery.start(mrk.run)
            await mrk.call("post_spool_id", spool_id=1)
            await turns(count)
            shop.klippy.push(10)
            await turns(count)
            mrk.scope.cancel()
            await trio.testing.wait_all_tasks_blocked()
            shop.klippy.push(1)
        mrk.scope = trio.CancelScope()
        await nursery.start(mrk.run)
        await beats(20)
        assert shop.rules.used_mm(1) == near(11 * len(TURNS))
        nursery.cancel_scope.cancel()


async def test_a_client_leaves_while_it_chooses_a_spool(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add(), shop.rules.add()
        truth = {None: 0, 1: 0, 2: 0}
        async with open_mrk(shop) as mrk:
            for count in TURNS:
                wanted = 1 + count % 2
                shop.klippy.push(1, beat=False)
                truth[mrk.reporter.book.active] += 1
                with trio.CancelScope() as scope:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(mrk.reporter.set_spool, None, wanted)
                        await turns(count)
                        scope.cancel()
                shop.klippy.push(3)
                truth[mrk.reporter.book.active] += 3
            await beats(3)
            active = mrk.reporter.book.active
        assert shop.rules.used_mm(1) == near(truth[1])
        assert shop.rules.used_mm(2) == near(truth[2])
        async with open_mrk(shop) as mrk:
            assert await mrk.call("get_spool_id") == {"spool_id": active}


async def test_a_hanging_database_does_not_hold_the_end(autojump_clock):
    async with open_workshop() as shop:
        shop.rules.add()
        async with open_mrk(shop) as mrk:
            await mrk.call("post_spool_id", spool_id=1)
            shop.klippy.push(10)
            await trio.testing.wait_all_tasks_blocked()
            shop.klippy.silent = True
            mrk.dead.set()
            began = trio.current_time()
        assert trio.current_time() - began < 1.0
