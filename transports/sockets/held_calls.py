"""Calls that hold back what their socket sends behind them, for a bounded time.

What is waited for may be a disk, or Klipper: past the bound the client's other calls go on, for the
socket must not be dead.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from mrk.api.outcome import MOST_HELD_S, Hold


@asynccontextmanager
async def holding(hold: Hold, go_on: Callable[[], None]) -> AsyncIterator[None]:
    """While the call runs; `go_on` is called at its release, after 5 s, or at its end."""
    hold.when_released(go_on)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_release_in_time, hold, name="longest hold")
            yield
            nursery.cancel_scope.cancel()
    finally:
        hold.release()


async def _release_in_time(hold: Hold) -> None:
    await trio.sleep(MOST_HELD_S)
    hold.release()
