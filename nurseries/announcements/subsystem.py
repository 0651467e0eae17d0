"""server.announcements.*: entries of feeds and of components, and who dismissed them.

`serve` polls feeds every 30 minutes and when asked, and ends timed dismissals; it ends when
cancelled. What feeds hold is not trusted: a bad one costs a warning and changes nothing.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Collection
from pathlib import Path

import msgspec
import trio

from config.settings.announcements import AnnouncementSettings
from mrk.announcements.entries import Changes
from mrk.announcements.entry import Entry
from mrk.announcements.feed_parser import FeedError, FeedItem, FeedParser
from mrk.announcements.subscriptions import PollBackoff, feed_name
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.http.client import HttpGet
from mrk.log.throttle import LogThrottle
from nurseries.announcements.poller import FIRST_POLL_S, POLL_S, Poller
from nurseries.announcements.source import (
    FEED_URL,
    FeedAway,
    FeedSource,
    FolderSource,
    NoFeedSource,
    RemoteSource,
)
from nurseries.announcements.stored_entries import AnnouncementItems, Known, StoredEntries

logger = logging.getLogger(__name__)
# One feed, from the name look-up to the last byte.
FETCH_S = 15.0
FEEDS_AT_ONCE = 4
# Bytes parsed before others get their turn; 1 ms.
SLICE_BYTES = 8192
# The clock may have been set meanwhile: a machine without one starts in 1970.
LONGEST_NAP_S = 600.0


class AnnouncementListParams(msgspec.Struct, frozen=True):
    """Dismissed entries may be left out."""

    include_dismissed: bool = True


class UpdateParams(msgspec.Struct, frozen=True):
    """Feeds to poll, all of them when left out."""

    subscriptions: list[str] | None = None


class DismissParams(msgspec.Struct, frozen=True):
    """`wake_time` is in seconds; without it the dismissal does not end."""

    entry_id: str
    wake_time: int | None = None


class FeedParams(msgspec.Struct, frozen=True):
    """A feed's name, in any case."""

    name: str


class EntryList(msgspec.Struct, frozen=True):
    """Entries, newest first, and the subscribed feeds."""

    entries: list[Entry]
    feeds: list[str]


class Updated(msgspec.Struct, frozen=True):
    """All entries after a poll, and whether it changed them."""

    entries: list[Entry]
    modified: bool


class EntryId(msgspec.Struct, frozen=True):
    """Names one entry."""

    entry_id: str


class FeedList(msgspec.Struct, frozen=True):
    """The subscribed feeds."""

    feeds: list[str]


class FeedAction(msgspec.Struct, frozen=True):
    """What became of a feed: added, skipped or removed."""

    feed: str
    action: str


class Announcements:
    """All announcements. `folder` is where feeds lie in developer mode.

    With `wait_for_reader` the clock of the feeds begins when the first client has said who it is
    or asks for the list: what fetches them stays in memory (8 MB), and is not worth it before.
    """

    def __init__(
        self,
        items: AnnouncementItems,
        clients: Clients,
        http: HttpGet,
        settings: AnnouncementSettings,
        folder: Path,
        *,
        wall_clock: Callable[[], float] = time.time,
        feed_url: str = FEED_URL,
        first_poll_s: float = FIRST_POLL_S,
        wait_for_reader: bool = False,
    ) -> None:
        self._clients = clients
        self._wall_clock = wall_clock
        self._first_poll_s = first_poll_s
        self._source: FeedSource = NoFeedSource()
        if settings.dev_mode:
            self._source = FolderSource(folder)
        elif settings.enable_moonlight:
            self._source = RemoteSource(http, feed_url)
        # What was read and could not be stored has to be read once more.
        self._state = StoredEntries(items, settings.subscriptions, self._source.forget)
        self._poller = Poller(self._poll)
        self._patience = PollBackoff()
        self._repeats = LogThrottle(first_s=POLL_S, limit_s=24 * 3600.0)
        self._at_once = trio.CapacityLimiter(FEEDS_AT_ONCE)
        self._dismissed = trio.Event()
        self._read = trio.Event()
        if not wait_for_reader:
            self._read.set()
        clients.on_identified(lambda _client: self._read.set())

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        base = "/server/announcements"
        return [
            get(
                f"{base}/list",
                self.list_entries,
                "Announcements.",
                Access.VIEW,
                AnnouncementListParams,
                EntryList,
            ),
            post(
                f"{base}/update",
                self.update,
                "Poll feeds now.",
                Access.OPERATE,
                UpdateParams,
                Updated,
            ),
            post(
                f"{base}/dismiss",
                self.dismiss,
                "Dismiss one.",
                Access.OPERATE,
                DismissParams,
                EntryId,
            ),
            get(
                f"{base}/feeds",
                self.feeds,
                "The subscribed feeds.",
                Access.VIEW,
                result=FeedList,
            ),
            post(
                f"{base}/feed",
                self.post_feed,
                "Subscribe to a feed.",
                Access.ADMIN,
                FeedParams,
                FeedAction,
            ),
            delete(
                f"{base}/feed",
                self.delete_feed,
                "Unsubscribe from one.",
                Access.ADMIN,
                FeedParams,
                FeedAction,
            ),
        ]

    # What clients ask

    async def list_entries(self, params: AnnouncementListParams, _caller: Caller) -> EntryList:
        """Newest first."""
        self._read.set()
        known = await self._known()
        shown = known.entries.listed(include_dismissed=params.include_dismissed)
        return EntryList(shown, known.subscriptions.feeds)

    async def feeds(self, _params: NoParams, _caller: Caller) -> FeedList:
        """The usual ones first."""
        return FeedList((await self._known()).subscriptions.feeds)

    async def update(self, params: UpdateParams, _caller: Caller) -> Updated:
        """Answers when the feeds were polled; raises `ClientError` 400 for an unknown one."""
        feeds = (await self._known()).subscriptions.feeds
        wanted = feeds
        if params.subscriptions is not None:
            wanted = [name.lower() for name in params.subscriptions]
            for name in wanted:
                if name not in feeds:
                    raise ClientError(f"Feed '{name[:100]}' is not subscribed")
        poll = self._poller.ask(wanted)
        await poll.finished.wait()
        return Updated((await self._known()).entries.listed(), poll.modified)

    async def dismiss(self, params: DismissParams, _caller: Caller) -> EntryId:
        """Raises `ClientError` 400 for an unknown entry, or a time that is none."""
        known = await self._known()
        changes = known.entries.dismiss(params.entry_id, params.wake_time, self._wall_clock())
        answer = EntryId(params.entry_id)
        if changes:
            await self._state.store(changes)
            self._dismissed.set()
            self._clients.broadcast("notify_announcement_dismissed", [answer])
        return answer

    async def post_feed(self, params: FeedParams, _caller: Caller) -> FeedAction:
        """Answers when it was polled; raises `ClientError` 400 for a name that cannot be."""
        name = feed_name(params.name)
        known = await self._known()
        if not known.subscriptions.add(name):
            return FeedAction(name, "skipped")
        await self._state.store_feeds(known)
        await self._poller.ask([name]).finished.wait()
        return FeedAction(name, "added")

    async def delete_feed(self, params: FeedParams, _caller: Caller) -> FeedAction:
        """Raises `ClientError` 400 for a feed that was not added by request."""
        name = params.name.lower()
        known = await self._known()
        known.subscriptions.remove(name)
        changes = known.entries.forget(name)
        self._source.forget(name)
        self._patience.worked(name)
        await self._state.store_feeds(known)
        if changes:
            await self._state.store(changes)
            self._notify(known)
        return FeedAction(name, "removed")

    # What siblings ask

    async def add_internal(
        self,
        component: str,
        title: str,
        description: str,
        url: str | None = None,
        priority: str = "normal",
    ) -> Entry:
        """Announce something to the user on behalf of `component`."""
        known = await self._known()
        now = self._wall_clock()
        entry, changes = known.entries.add_internal(
            component, title, description, url, priority, now
        )
        await self._state.keep(changes)
        self._notify(known)
        return entry

    # What runs

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Poll and wake."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._poller.run, name="announcement feeds")
            nursery.start_soon(self._keep_time, name="announcement clock")
            nursery.start_soon(self._wake, name="announcement wake-up")
            task_status.started()

    async def _keep_time(self) -> None:
        await self._read.wait()
        await self._poller.keep_time(self._due, self._first_poll_s)

    async def _known(self) -> Known:
        return await self._state.load(self._wall_clock())

    async def _due(self) -> list[str]:
        try:
            feeds = (await self._known()).subscriptions.feeds
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
                self._notify(await self._known())
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
            known = await self._known()
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
        line = self._repeats.say(said, trio.current_time())
        if line is not None:
            logger.warning("%s", line)

    async def _wake(self) -> None:
        while True:
            self._dismissed = trio.Event()
            try:
                known = await self._known()
            except ClientError:
                await trio.sleep(LONGEST_NAP_S)
                continue
            woken, changes = known.entries.wake(self._wall_clock())
            await self._state.keep(changes)
            for entry_id in woken:
                self._clients.broadcast("notify_announcement_wake", [EntryId(entry_id)])
            due = known.entries.next_wake()
            if due is None:
                await self._dismissed.wait()
                continue
            nap_s = max(0.0, due - self._wall_clock())
            with trio.move_on_after(min(nap_s, LONGEST_NAP_S)):
                await self._dismissed.wait()

    def _notify(self, known: Known) -> None:
        entries = {"entries": known.entries.listed()}
        self._clients.broadcast("notify_announcement_update", [entries])


async def _parsed(document: bytes) -> list[FeedItem]:
    parser = FeedParser()
    for start in range(0, len(document), SLICE_BYTES):
        parser.feed(document[start : start + SLICE_BYTES])
        await trio.lowlevel.checkpoint()
    return parser.close()
