"""Stopped and resumed, in whatever order they are told so."""

import trio
import trio.testing

from mrk.clients.accepting import Accepting


async def test_it_stops_and_goes_on() -> None:
    accepting, seen = Accepting(), []

    async def look() -> None:
        while True:
            await accepting.until_stopped()
            seen.append("stopped")
            await accepting.until_resumed()
            seen.append("resumed")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(look)
        for change, stopped in (
            (accepting.resume, False),  # it goes on as it is
            (accepting.stop, True),
            (accepting.stop, True),
            (accepting.resume, False),
            (accepting.resume, False),
            (accepting.stop, True),
        ):
            change()
            await trio.testing.wait_all_tasks_blocked()
            assert accepting.stopped is stopped
        assert seen == ["stopped", "resumed", "stopped"]
        nursery.cancel_scope.cancel()
