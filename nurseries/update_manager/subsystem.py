"""The update manager: machine.update.*, and the looks for new versions by night.

`UpdateManager.serve` owns all that goes on, one thing at a time, and ends when cancelled: a child
process that runs then is ended with it. Nothing is begun while a print is under way.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import trio

from config.settings.update_manager import UpdateManagerSettings
from mrk.api.caller import Caller
from mrk.api.endpoint import Endpoint, NoParams
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.klippy.events import Identified
from mrk.klippy.klippy_protocols import KlippyFacts
from mrk.updates.item import UpdateItem
from mrk.updates.schedule import FRESH_S
from mrk.updates.statuses import UpdateStatus
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.announcer import UpdateAnnouncer
from nurseries.update_manager.endpoints import (
    RecoverParams,
    RollbackParams,
    UpdateHandlers,
    UpdateRefreshParams,
    UpdateStatusParams,
    UpgradeParams,
    endpoints,
)
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.items import ItemMaker
from nurseries.update_manager.klipper import KlipperPlace, klipper_settings, place_of
from nurseries.update_manager.refresher import Refresher, UpdateClock
from nurseries.update_manager.restarts import Restarts
from nurseries.update_manager.stored_items import StoredItems, config_hash
from nurseries.update_manager.unknown_item import UnknownItem
from nurseries.update_manager.upgrades import Upgrades
from nurseries.update_manager.work_queue import Work, WorkQueue

logger = logging.getLogger(__name__)
_REFRESH = "a refresh"
_DUE = "a look at what is due"
_FULL = "an update of everything"
_POSTPONED = "restarts that were postponed"
_KLIPPER, _MOONRAKER = "klipper", "moonraker"


class UpdateManager:
    """The part `update_manager`. `built_in` are `system` and `moonraker` where they are managed."""

    def __init__(
        self,
        settings: UpdateManagerSettings,
        klippy: KlippyFacts,
        clients: Clients,
        stored: StoredItems,
        github: GitHub,
        maker: ItemMaker,
        restarts: Restarts,
        is_printing: Callable[[], bool],
        built_in: Mapping[str, UpdateItem],
        clock: UpdateClock,
    ) -> None:
        self._settings = settings
        self._klippy = klippy
        self._stored = stored
        self._github = github
        self._maker = maker
        self._is_printing = is_printing
        self._announcer = UpdateAnnouncer(clients)
        self._queue = WorkQueue()
        self._place: KlipperPlace | None = None
        self._items: dict[str, UpdateItem] = {
            **built_in,
            _KLIPPER: UnknownItem(_KLIPPER),
            **{item.name: maker.make(item) for item in settings.items},
        }
        self._hashes = {item.name: config_hash(item) for item in settings.items}
        self._hashes[_MOONRAKER] = config_hash(settings.moonraker)
        self._intervals = {item.name: item.choices.refresh_interval_s for item in settings.items}
        self._intervals[_MOONRAKER] = settings.moonraker.refresh_interval_s
        self._intervals[_KLIPPER] = settings.klipper.refresh_interval_s
        self._refresher = Refresher(
            settings,
            stored,
            is_printing,
            lambda name: self._hashes.get(name, ""),
            lambda name: self._intervals.get(name) or settings.refresh_interval_s,
            clock,
        )
        self._upgrades = Upgrades(
            self._items,
            self._announcer,
            stored,
            restarts,
            is_printing,
            self._klipper_is_back,
        )
        self._restarts = restarts
        self._is_initialized = False

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return endpoints(
            UpdateHandlers(
                status=self.status,
                refresh=self.refresh,
                upgrade=self.upgrade,
                upgrade_built_in=self._upgrade_of,
                full=self.upgrade_all,
                recover=self.recover,
                rollback=self.rollback,
            )
        )

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do what is asked for and keep time, until cancelled. Raises `Transient`."""
        await self._stored.load(set(self._items))
        for item in self._items.values():
            self._stored.restore(item)
        self._place_klipper(place_of(self._stored.record(_KLIPPER)))
        async with trio.open_nursery() as nursery:
            self._queue.ask("initialization", self._begin)
            nursery.start_soon(self._queue.run, name="updates")
            nursery.start_soon(self._refresher.keep_time, self._ask_due, name="update clock")
            nursery.start_soon(
                self._restarts.keep_time, self._ask_postponed, name="postponed restarts"
            )
            nursery.start_soon(self._follow_klipper, name="klipper's place")
            task_status.started()

    async def _begin(self) -> None:
        """What an earlier run left is put right, then the first pass over what is due."""
        for item in self._items.values():
            await self._resume(item)
        due = self._refresher.due(self._items.values())
        await self._refresher.reread([it for it in self._items.values() if it not in due])
        await self._refresher.refresh(due)
        self._is_initialized = True
        self._announcer.refreshed(self._all())

    async def _resume(self, item: UpdateItem) -> None:
        try:
            done = await item.resume()
        except (UpdateFailed, OSError) as exc:
            logger.warning("%s: what an interrupted update left stays: %s", item.name, exc)
            return
        if done is not None:
            logger.warning("%s: an update was interrupted; %s", item.name, done)
            self._restarts.postpone(item.services)

    def _ask_due(self) -> None:
        if self._queue.find(_REFRESH) is None:
            self._ask_once(_DUE, self._refresh_due)

    def _ask_postponed(self) -> None:
        self._ask_once(_POSTPONED, self._restarts.flush_all)

    def _ask_once(self, title: str, run: Callable[[], Awaitable[None]]) -> None:
        if self._queue.find(title) is None:
            self._queue.offer(title, run)

    async def _refresh_due(self) -> None:
        due = self._refresher.due(self._items.values())
        if due:
            await self._refresher.refresh(due)
            self._announcer.refreshed(self._all())

    async def _follow_klipper(self) -> None:
        with self._klippy.open_events("update manager", 50, Identified) as events:
            self._found_klipper(self._klippy.info)
            async for event in events:
                assert isinstance(event, Identified)
                self._found_klipper(event.info)

    def _found_klipper(self, info: Mapping[str, Any]) -> None:
        place = place_of(info)
        if place is None or place == self._place:
            return
        self._stored.forget(_KLIPPER)
        self._place_klipper(place)

        async def look() -> None:
            await self._refresher.refresh([self._items[_KLIPPER]])
            self._announcer.refreshed(self._all())

        self._queue.offer("klipper's place", look)

    def _place_klipper(self, place: KlipperPlace | None) -> None:
        if place is None:
            return
        self._place = place
        self._stored.add(_KLIPPER, msgspec.to_builtins(place))
        settings = klipper_settings(self._settings, place)
        self._hashes[_KLIPPER] = config_hash(settings)
        item = self._items[_KLIPPER] = self._maker.make(settings)
        self._stored.restore(item)

    # Status and refresh

    def _all(self) -> UpdateStatus:
        limit = self._github.rate_limit
        return UpdateStatus(
            self._upgrades.busy_with is not None,
            limit.limit,
            limit.remaining,
            limit.reset_time,
            {name: item.status() for name, item in self._items.items()},
        )

    async def status(self, params: UpdateStatusParams, caller: Caller) -> UpdateStatus:
        """All items; a wanted refresh is left out where it is not possible."""
        if params.refresh and self._refusal() is None and self._refresher.age_s >= FRESH_S:
            await self._refreshed(None).result()
        return self._all()

    async def refresh(self, params: UpdateRefreshParams, caller: Caller) -> UpdateStatus:
        """Look now; raises `ClientError` 400 and 503."""
        if params.name is not None and params.name not in self._items:
            raise ClientError(f"No item '{params.name[:60]}' is managed")
        refusal = self._refusal()
        if refusal is not None:
            raise ClientError(f"Unable to perform refresh: {refusal}", 503)
        await self._refreshed(params.name).result()
        return self._all()

    def _refusal(self) -> str | None:
        if not self._is_initialized:
            return "the first look at all items is not finished yet"
        if self._is_printing():
            return "a print is under way"
        return "an update is in progress" if self._upgrades.busy_with is not None else None

    def _refreshed(self, name: str | None) -> Work:
        title = _REFRESH if name is None else f"a refresh of {name}"

        async def look() -> None:
            items = self._items.values() if name is None else [self._items[name]]
            await self._refresher.refresh(list(items))
            self._announcer.refreshed(self._all())

        return self._queue.waiting(title) or self._queue.ask(title, look)

    # Updates

    async def upgrade(self, params: UpgradeParams, caller: Caller) -> str:
        """One item, or everything; raises `ClientError` 400, 404, 500 and 503."""
        if params.name is None:
            return await self.upgrade_all(NoParams(), caller)
        name = self._known(params.name)
        return await self._do(f"update {name}", lambda: self._upgrades.update(name), 503)

    async def upgrade_all(self, params: NoParams, caller: Caller) -> str:
        """Everything; raises `ClientError` 400, 500 and 503."""
        return await self._do(_FULL, self._upgrades.update_all, 503)

    def _upgrade_of(self, name: str) -> Callable[..., Any]:
        async def handler(params: NoParams, caller: Caller) -> str:
            return await self.upgrade(UpgradeParams(name), caller)

        return handler

    async def recover(self, params: RecoverParams, caller: Caller) -> str:
        """Mend an item; raises `ClientError` 400, 404, 500 and 503."""
        name = self._known(params.name)

        async def mend() -> None:
            await self._upgrades.recover(
                name, hard=params.hard, update_dependencies=params.update_deps
            )

        return await self._do(f"recover {name}", mend, 400)

    async def rollback(self, params: RollbackParams, caller: Caller) -> str:
        """An item to its version before; raises `ClientError` 400, 404, 500 and 503."""
        name = self._known(params.name)
        return await self._do(f"rollback {name}", lambda: self._upgrades.rollback(name), 400)

    def _known(self, name: str) -> str:
        if name not in self._items:
            raise ClientError(f"Item '{name[:60]}' is not managed", 404)
        return name

    async def _do(self, title: str, run: Callable[[], Awaitable[None]], printing: int) -> str:
        """In its turn; `printing` is the status of the refusal during a print."""
        if self._is_printing():
            raise ClientError("Refused: a print is under way", printing)
        for other in {title, _FULL}:
            if self._queue.find(other) is not None:
                raise ClientError(f"Refused: '{other}' is being carried out already", 503)
        await self._queue.ask(title, run).result()
        return "ok"

    async def _klipper_is_back(self) -> None:
        with self._klippy.open_events("update of klipper", 50, Identified) as events:
            if not self._klippy.info:
                await anext(events)
