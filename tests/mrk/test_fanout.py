import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from mrk.errors import Transient
from mrk.fanout import EventReader, Fanout, FellBehind


async def test_every_reader_gets_every_item_of_its_classes() -> None:
    fanout: Fanout[object] = Fanout()
    with fanout.open_reader("all", 5) as everything, fanout.open_reader("numbers", 5, int) as some:
        for item in ("a", 1, "b", 2):
            fanout.publish(item)
        fanout.close()
        assert [item async for item in everything] == ["a", 1, "b", 2]
        assert [item async for item in some] == [1, 2]


async def test_a_full_reader_is_ended_and_the_others_go_on() -> None:
    fanout: Fanout[int] = Fanout()
    with fanout.open_reader("slow", 2) as slow, fanout.open_reader("quick", 3) as quick:
        for item in range(3):
            fanout.publish(item)
        assert await anext(slow) == 0
        assert await anext(slow) == 1
        with pytest.raises(FellBehind, match="slow") as fell:
            await anext(slow)
        assert isinstance(fell.value, Transient)
        assert [await anext(quick) for _ in range(3)] == [0, 1, 2]
        assert len(fanout) == 1


async def test_leaving_the_block_ends_the_subscription() -> None:
    fanout: Fanout[int] = Fanout()
    with fanout.open_reader("short", 1):
        assert len(fanout) == 1
    assert len(fanout) == 0
    fanout.publish(1)


async def test_what_is_handled_at_once_wakes_nobody() -> None:
    fanout: Fanout[int] = Fanout()
    handled: list[int] = []
    read: list[int] = []

    def handle(item: int) -> bool:
        handled.append(item)
        return item < 10

    async def follow(reader: EventReader[int]) -> None:
        async for item in reader:
            read.append(item)

    with fanout.open_reader("a test", 5) as reader:
        reader.handle_first(handle)
        fanout.publish(1)  # nobody waits yet: it is queued
        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow, reader)
            await wait_all_tasks_blocked()
            assert (handled, read) == ([], [1])
            for item in (2, 30, 4):  # behind one that is queued all are, in order
                fanout.publish(item)
            assert handled == [2, 30]
            await wait_all_tasks_blocked()
            assert read == [1, 30, 4]
            fanout.publish(5)
            assert handled == [2, 30, 5]
            nursery.cancel_scope.cancel()


async def test_items_about_something_go_to_who_follows_it() -> None:
    fanout: Fanout[int] = Fanout()
    with fanout.open_reader("some", 9) as some, fanout.open_reader("all", 9) as all_of_it:
        some.only_about(("fan", "heater"))
        fanout.publish(1, {"fan": 0, "other": 0})
        fanout.publish(2, {"other"})
        fanout.publish(3)
        fanout.close()
        assert [item async for item in some] == [1, 3]
        assert [item async for item in all_of_it] == [1, 2, 3]


async def test_readers_that_come_and_go_are_noticed_by_the_next_item() -> None:
    fanout: Fanout[object] = Fanout()
    with fanout.open_reader("integers", 9, int) as first:
        fanout.publish(1)
        with fanout.open_reader("numbers", 9, bool, float) as second:
            fanout.publish(2)
            fanout.publish(True)
            fanout.publish(0.5)
        fanout.publish(3)
        fanout.publish(False)
        fanout.close()
        assert [item async for item in first] == [1, 2, True, 3, False]
        assert len(fanout) == 0
        assert second not in fanout._readers
