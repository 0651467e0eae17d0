"""Polls feeds and merges what is new in them into the entries.

A feed that cannot be read costs a warning and changes nothing; the next polls of it come later.
`run` and `keep_time` are tasks of the subsystem, and end when cancelled.
"""

import contextlib
import logging
from collections.abc import Callable, Collection, Iterable

import trio

from mrk.announcements.entries import Changes
from mrk.announcements.feed_parser import FeedError, FeedItem, FeedParser
from mrk.announcements.subscriptions import PollBackoff
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle
from nurseries.announcements.poller import POLL_S, Poll, Poller
from nurseries.announcements.source import FeedAway, FeedSource
from nurseries.announcements.stored_entries import StoredEntries, notify_update

logger = logging.getLogger(__name__)
# One feed, from the name look-up to the last byte.
FETCH_S = 15.0
FEEDS_AT_ONCE = 4
# Bytes parsed before others get their turn; 1 ms.
SLICE_BYTES = 8192


class FeedPolling:
    """Reads feeds from `source` into `state`, and notifies clients of changes."""

    def __init__(
        self,
        source: FeedSource,
        state: StoredEntries,
        clients: Clients,
        wall_clock: Callable[[], float],
    ) -> None:
        self._source = source
        self._state = state
        self._clients = clients
        self._wall_clock = wall_clock
        self._poller = Poller(self._poll)
        self._patience = PollBackoff()
        self._throttle = LogThrottle(first_s=POLL_S, limit_s=24 * 3600.0)
        self._at_once = trio.CapacityLimiter(FEEDS_AT_ONCE)

    def ask(self, feeds: Iterable[str]) -> Poll:
        """Have feeds polled soon; wait for `finished` of what is returned."""
        return self._poller.ask(feeds)

    def forget(self, feed: str) -> None:
        """A feed is not subscribed any more."""
        self._source.forget(feed)
        self._patience.worked(feed)

    async def run(self) -> None:
        """Poll what is asked for."""
        await self._poller.run()

    async def keep_time(self, first_s: float) -> None:
        """Ask for the feeds that are due, first after `first_s` seconds."""
        await self._poller.keep_time(self._due, first_s)

    async def _due(self) -> list[str]:
        try:
            feeds = (await self._state.load(self._wall_clock())).subscriptions.feeds
        except ClientError:
            return []  # without the database there is nothing to add to
        return [feed for feed in feeds if self._patience.due(feed)]

    async def _poll(self, feeds: Collection[str]) -> bool:
        modified: list[str] = []

        async def poll(feed: str) -> None:
            async with self._at_once:
                if await self._poll_feed(feed):
                    modified.append(feed)

        async with trio.open_nursery() as nursery:
            for feed in feeds:
                nursery.start_soon(poll, feed)
        if modified:
            with contextlib.suppress(ClientError):
                notify_update(self._clients, await self._state.load(self._wall_clock()))
        return bool(modified)

    async def _poll_feed(self, feed: str) -> bool:
        """Whether the entries changed; never raises what the feed is to blame for."""
        try:
            with trio.fail_after(FETCH_S):
                document = await self._source.read(feed)
                if document is None:
                    self._patience.worked(feed)
                    return False
                items = await _parsed(document)
        except (FeedAway, FeedError, trio.TooSlowError) as exc:
            self._source.forget(feed)
            self._patience.failed(feed)
            self._warn(feed, str(exc) or f"no answer within {FETCH_S:g} s")
            return False
        self._patience.worked(feed)
        return await self._merge(feed, items)

    async def _merge(self, feed: str, items: list[FeedItem]) -> bool:
        try:
            known = await self._state.load(self._wall_clock())
        except ClientError as exc:
            self._source.forget(feed)
            self._warn(feed, exc.message)
            return False
        changes = Changes()
        if feed in known.subscriptions.feeds:  # it may be gone by now
            changes = known.entries.merge(feed, items, self._wall_clock())
        await self._state.keep(changes)
        return bool(changes)

    def _warn(self, feed: str, cause: str) -> None:
        said = f"announcement feed {feed} cannot be read: {cause}"
        self._throttle.log(logger, said, trio.current_time())


async def _parsed(document: bytes) -> list[FeedItem]:
    parser = FeedParser()
    for start in range(0, len(document), SLICE_BYTES):
        parser.feed(document[start : start + SLICE_BYTES])
        await trio.lowlevel.checkpoint()
    return parser.close()
