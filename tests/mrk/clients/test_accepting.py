"""Stopped and resumed, in whatever order they are told so."""

import trio
import trio.testing

from mrk.clients.accepting import Accepting


async def test_it_stops_and_goes_on() -> None:
    accepting, waited = Accepting(), 0

    async def wait() -> None:
        nonlocal waited
        await accepting.until_resumed()
        waited += 1

    async with trio.open_nursery() as nursery:
        for change, stopped, expected in (
            (accepting.resume, False, 1),  # it goes on as it is
            (accepting.stop, True, 1),
            (accepting.stop, True, 1),
            (accepting.resume, False, 4),
            (accepting.resume, False, 5),
            (accepting.stop, True, 5),
        ):
            change()
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            assert (accepting.stopped, waited) == (stopped, expected)
        nursery.cancel_scope.cancel()


async def test_who_waited_waits_on_when_it_is_stopped_again_in_the_same_turn() -> None:
    accepting = Accepting()
    accepting.stop()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(accepting.until_resumed)
        await trio.testing.wait_all_tasks_blocked()
        accepting.resume()
        accepting.stop()
        await trio.testing.wait_all_tasks_blocked()
        assert len(nursery.child_tasks) == 1
        accepting.resume()
