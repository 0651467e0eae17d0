"""server.announcements.*: entries, who dismissed them, and the feeds they come from."""

from collections.abc import Callable

import msgspec

from mrk.announcements.entry import Entry
from mrk.announcements.subscriptions import feed_name
from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, delete, get, post
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from nurseries.announcements.dismissals import Dismissals, EntryId
from nurseries.announcements.feed_polling import FeedPolling
from nurseries.announcements.stored_entries import Known, StoredEntries, notify_update


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


class FeedList(msgspec.Struct, frozen=True):
    """The subscribed feeds."""

    feeds: list[str]


class FeedAction(msgspec.Struct, frozen=True):
    """What became of a feed: added, skipped or removed."""

    feed: str
    action: str


class AnnouncementEndpoints:
    """The declarations and handlers; `on_read` hears that somebody asked for the list."""

    def __init__(
        self,
        state: StoredEntries,
        polling: FeedPolling,
        dismissals: Dismissals,
        clients: Clients,
        wall_clock: Callable[[], float],
        on_read: Callable[[], None],
    ) -> None:
        self._state = state
        self._polling = polling
        self._dismissals = dismissals
        self._clients = clients
        self._wall_clock = wall_clock
        self._on_read = on_read

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

    async def list_entries(self, params: AnnouncementListParams, _caller: Caller) -> EntryList:
        """Newest first."""
        self._on_read()
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
        poll = self._polling.ask(wanted)
        await poll.finished.wait()
        return Updated((await self._known()).entries.listed(), poll.modified)

    async def dismiss(self, params: DismissParams, _caller: Caller) -> EntryId:
        """Raises `ClientError` 400 for an unknown entry, or a time that is none."""
        return await self._dismissals.dismiss(params.entry_id, params.wake_time)

    async def post_feed(self, params: FeedParams, _caller: Caller) -> FeedAction:
        """Answers when it was polled; raises `ClientError` 400 for a name that cannot be."""
        name = feed_name(params.name)
        known = await self._known()
        if not known.subscriptions.add(name):
            return FeedAction(name, "skipped")
        await self._state.store_feeds(known)
        await self._polling.ask([name]).finished.wait()
        return FeedAction(name, "added")

    async def delete_feed(self, params: FeedParams, _caller: Caller) -> FeedAction:
        """Raises `ClientError` 400 for a feed that was not added by request."""
        name = params.name.lower()
        known = await self._known()
        known.subscriptions.remove(name)
        changes = known.entries.forget(name)
        self._polling.forget(name)
        await self._state.store_feeds(known)
        if changes:
            await self._state.store(changes)
            notify_update(self._clients, known)
        return FeedAction(name, "removed")

    async def _known(self) -> Known:
        return await self._state.load(self._wall_clock())
