"""How many pass between two looks of the event loop at its sockets, counted in such looks."""

import pytest
import trio
import trio.testing

from mrk.clients.turns import Turns


class Looks(trio.abc.Instrument):
    """Counts how often the loop has looked at its sockets."""

    def __init__(self) -> None:
        self.count = 0

    def after_io_wait(self, timeout: float) -> None:
        self.count += 1


class Crowd:
    """Who passed, and behind which look."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.looks = Looks()
        self.passed: list[tuple[int, int]] = []

    async def come(self, number: int, ends: bool = False) -> None:
        await (self.turns.end() if ends else self.turns.begin())
        self.passed.append((self.looks.count, number))

    def per_look(self) -> list[int]:
        looks = [look for look, _ in self.passed]
        return [looks.count(look) for look in sorted(set(looks))]


async def passing(crowd: Crowd, count: int, ending: int = 0) -> None:
    trio.lowlevel.add_instrument(crowd.looks)
    async with trio.open_nursery() as nursery:
        for number in range(count):
            nursery.start_soon(crowd.come, number, number < ending)
    trio.lowlevel.remove_instrument(crowd.looks)


@pytest.mark.parametrize("ending", [0, 103])
async def test_a_crowd_passes_a_few_at_a_time(
    ending: int, autojump_clock: trio.testing.MockClock
) -> None:
    crowd = Crowd(Turns(4))
    await passing(crowd, 103, ending)
    assert len(crowd.passed) == 103
    assert max(crowd.per_look()) == 4
    # Nobody is let in for nothing: all but one look, the one behind the first few, was used up.
    assert len(crowd.per_look()) <= 103 // 4 + 3
    assert len(crowd.turns) == 0


async def test_who_begins_goes_first_and_who_ends_is_not_forgotten(
    autojump_clock: trio.testing.MockClock,
) -> None:
    crowd = Crowd(Turns(4))
    await passing(crowd, 90, ending=60)
    assert max(crowd.per_look()) == 4
    assert len(crowd.passed) == 90
    # Behind the first few, who did not have to wait, three begin beside one that ends.
    first = [number >= 60 for _, number in crowd.passed[5:37]]
    assert 20 <= sum(first) <= 24
    assert not any(number >= 60 for _, number in crowd.passed[-30:])


async def test_who_came_first_goes_first(autojump_clock: trio.testing.MockClock) -> None:
    turns, order = Turns(1), list[int]()
    await turns.begin()

    async def come(number: int) -> None:
        await turns.begin()
        order.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(5):
            nursery.start_soon(come, number)
            await trio.lowlevel.checkpoint()
    assert order == list(range(5))


async def test_few_do_not_wait() -> None:
    turns = Turns(3)
    for waits in [False] * 3 + [True, False, False] * 3:
        checked = trio.testing.assert_checkpoints if waits else trio.testing.assert_no_checkpoints
        with checked():
            await turns.begin()


async def test_who_comes_with_the_last_of_a_crowd_waits_for_the_next_look() -> None:
    crowd = Crowd(Turns(4))
    trio.lowlevel.add_instrument(crowd.looks)
    async with trio.open_nursery() as nursery:
        for number in range(200):
            nursery.start_soon(crowd.come, number)
            if number % 3:  # about as fast as they are let in
                await trio.lowlevel.checkpoint()
    trio.lowlevel.remove_instrument(crowd.looks)
    assert len(crowd.passed) == 200
    assert max(crowd.per_look()) <= 4


@pytest.mark.parametrize("patient", range(4))
async def test_who_gives_up_does_not_stop_the_rest(
    patient: int, autojump_clock: trio.testing.MockClock
) -> None:
    turns, passed = Turns(1), list[int]()
    await turns.begin()

    async def come(number: int) -> None:
        with trio.CancelScope() as scope:
            if number != patient:
                scope.cancel()
            await turns.begin()
            passed.append(number)

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            for number in range(4):
                nursery.start_soon(come, number)
        await turns.begin()
    assert passed == [patient]
    assert len(turns) == 0


async def test_who_was_let_in_passes_although_it_is_cancelled(
    autojump_clock: trio.testing.MockClock,
) -> None:
    turns, passed = Turns(2), list[int]()
    scopes = [trio.CancelScope() for _ in range(9)]

    async def come(number: int) -> None:
        with scopes[number]:
            await turns.begin()
            passed.append(number)
            if len(passed) == 3:  # the first who had to wait: the next two are let in already
                for scope in scopes:
                    scope.cancel()

    with trio.fail_after(1):
        async with trio.open_nursery() as nursery:
            for number in range(9):
                nursery.start_soon(come, number)
        await turns.begin()
    assert len(passed) == 5
