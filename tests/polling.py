"""Bounded polls of what tells nobody: other processes, threads, numbers. By the real clock.

Where there is an event, a test waits for that.
"""

import time
from collections.abc import Callable

import trio

PATIENCE_S = 20.0
_BEAT_S = 0.005


async def until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until it is so."""
    with trio.fail_after(patience_s):
        while not condition():  # noqa: ASYNC110 - there is no event
            await trio.sleep(_BEAT_S)


def wait_until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> float:
    """The same without Trio; returns the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience_s, "it did not come"
        time.sleep(_BEAT_S)
    return time.monotonic() - began
