"""When feeds are polled: at the beat of a clock, and when somebody asks.

One poll runs at a time, and one may wait, in which all that is asked for meanwhile is gathered: so
a client that asks a thousand times costs one request. `run` ends when cancelled.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable

import trio

POLL_S = 1800.0
# The start belongs to others, and the network may still be on its way up.
FIRST_POLL_S = 20.0


class Poll:
    """One poll of some feeds: `modified` is known once it is `finished`."""

    def __init__(self) -> None:
        self.feeds: set[str] = set()
        self.modified = False
        self.finished = trio.Event()


class Poller:
    """`poll` reads feeds and says whether entries changed."""

    def __init__(self, poll: Callable[[Collection[str]], Awaitable[bool]]) -> None:
        self._poll = poll
        self._waiting: Poll | None = None
        self._asked = trio.Event()

    def ask(self, feeds: Iterable[str]) -> Poll:
        """Have feeds polled soon; wait for `finished` of what is returned."""
        if self._waiting is None:
            self._waiting = Poll()
        self._waiting.feeds.update(feeds)
        self._asked.set()
        return self._waiting

    async def run(self) -> None:
        """Poll what is asked for."""
        while True:
            while self._waiting is None:
                self._asked = trio.Event()
                await self._asked.wait()
            poll, self._waiting = self._waiting, None
            try:
                poll.modified = await self._poll(poll.feeds)
            finally:
                poll.finished.set()

    async def keep_time(self, due: Callable[[], Awaitable[Iterable[str]]], first_s: float) -> None:
        """Ask for the feeds that `due` names, first after `first_s` seconds."""
        beat = trio.current_time() + first_s
        while True:
            await trio.sleep_until(beat)
            feeds = set(await due())
            if feeds:
                self.ask(feeds)
            # Absolute instants; those missed (a suspended machine) are not made up for.
            beat = max(beat + POLL_S, trio.current_time())
