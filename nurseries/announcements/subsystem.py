"""Announcements: entries of feeds and of components, and who dismissed them.

`serve` polls feeds every 30 minutes and when asked, and ends timed dismissals; it ends when
cancelled. What feeds hold is not trusted: a bad one costs a warning and changes nothing.
"""

import time
from collections.abc import Callable
from pathlib import Path

import trio

from config.settings.announcements import AnnouncementSettings
from mrk.announcements.entry import Entry
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.http.client import HttpGet
from nurseries.announcements.dismissals import Dismissals
from nurseries.announcements.endpoints import AnnouncementEndpoints
from nurseries.announcements.feed_polling import FeedPolling
from nurseries.announcements.poller import FIRST_POLL_S
from nurseries.announcements.source import (
    FEED_URL,
    FeedSource,
    FolderSource,
    NoFeedSource,
    RemoteSource,
)
from nurseries.announcements.stored_entries import AnnouncementItems, StoredEntries, notify_update


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
        wait_for_reader: bool = False,
    ) -> None:
        self._clients = clients
        self._wall_clock = wall_clock
        source: FeedSource = NoFeedSource()
        if settings.dev_mode:
            source = FolderSource(folder)
        elif settings.enable_moonlight:
            source = RemoteSource(http, feed_url)
        # What was read and could not be stored has to be read once more.
        self._state = StoredEntries(items, settings.subscriptions, source.forget)
        self._polling = FeedPolling(source, self._state, clients, wall_clock)
        self._dismissals = Dismissals(self._state, clients, wall_clock)
        self._read = trio.Event()
        if not wait_for_reader:
            self._read.set()
        clients.on_identified(lambda _client: self._read.set())

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return AnnouncementEndpoints(
            self._state,
            self._polling,
            self._dismissals,
            self._clients,
            self._wall_clock,
            self._read.set,
        ).endpoints()

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
        known = await self._state.load(self._wall_clock())
        now = self._wall_clock()
        entry, changes = known.entries.add_internal(
            component, title, description, url, priority, now
        )
        await self._state.keep(changes)
        notify_update(self._clients, known)
        return entry

    async def take_back(self, entry_id: str) -> None:
        """What a component has announced is true no more."""
        known = await self._state.load(self._wall_clock())
        changes = known.entries.take_back(entry_id)
        if changes:
            await self._state.keep(changes)
            notify_update(self._clients, known)

    # What runs

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Poll and wake."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._polling.run, name="announcement feeds")
            nursery.start_soon(self._keep_time, name="announcement clock")
            nursery.start_soon(self._dismissals.run, name="announcement wake-up")
            task_status.started()

    async def _keep_time(self) -> None:
        await self._read.wait()
        await self._polling.keep_time(FIRST_POLL_S)
