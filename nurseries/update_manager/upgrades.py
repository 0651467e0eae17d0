"""Updates, recoveries and rollbacks: in which order, what is told, and what follows.

`Upgrades` is driven by the work queue, one call at a time. An item whose service does not come up
is put back to what it was.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping

import trio

from mrk.updates.item import Tell, UpdateItem
from mrk.updates.update_errors import UpdateFailed, UpdateRefused
from nurseries.update_manager.announcer import UpdateAnnouncer
from nurseries.update_manager.restarts import KLIPPER, OWN, NotUp, Restarts
from nurseries.update_manager.stored_items import StoredItems

logger = logging.getLogger(__name__)
# How long Klipper may take to be back before the update of everything goes on.
KLIPPER_S = 120.0


class Upgrades:
    """`items` by name, in their order; `klipper_is_back` waits for Klipper to say who it is."""

    def __init__(
        self,
        items: Mapping[str, UpdateItem],
        announcer: UpdateAnnouncer,
        stored: StoredItems,
        restarts: Restarts,
        is_printing: Callable[[], bool],
        klipper_is_back: Callable[[], Awaitable[None]],
    ) -> None:
        self._items = items
        self._announcer = announcer
        self._stored = stored
        self._restarts = restarts
        self._is_printing = is_printing
        self._klipper_is_back = klipper_is_back
        self.busy_with: str | None = None

    async def update(self, name: str) -> None:
        """One item; raises `UpdateFailed`."""
        item = self._items[name]

        async def run(tell: Tell) -> bool:
            return await self._changed(item, item.update, tell)

        await self._announced(name, run, f"{item.prefix}: Update Finished...")

    async def update_all(self) -> None:
        """Everything, in order; the first failure ends it. Raises `UpdateFailed`."""

        async def run(tell: Tell) -> bool:
            for item in self._in_order():
                await self._update_in_turn(item, tell)
            # Where one of the two is no item.
            await self._restarts.flush((KLIPPER, OWN), tell)
            return True

        await self._announced("full", run, "Full Update Complete")

    async def recover(self, name: str, *, hard: bool, update_dependencies: bool) -> None:
        """Mend one item; raises `UpdateFailed`."""
        item = self._items[name]

        async def mend(tell: Tell) -> bool:
            await item.recover(tell, hard=hard, update_dependencies=update_dependencies)
            return True

        async def run(tell: Tell) -> bool:
            return await self._changed(item, mend, tell, reverts=False)

        await self._announced(f"recover_{name}", run, f"{item.prefix}: Reinstall Complete")

    async def rollback(self, name: str) -> None:
        """One item to its version before; raises `UpdateFailed`."""
        item = self._items[name]

        async def run(tell: Tell) -> bool:
            return await self._changed(item, item.rollback, tell)

        await self._announced(f"rollback_{name}", run, f"{item.prefix}: Rollback Complete")

    # How

    async def _announced(
        self, application: str, run: Callable[[Tell], Awaitable[bool]], last: str
    ) -> None:
        announcement = self._announcer.begin(application)
        self.busy_with = application
        try:
            self._check_print()
            done = await run(announcement.tell)
        except (UpdateFailed, OSError) as exc:
            announcement.fail(str(exc))
            raise
        except trio.Cancelled:
            announcement.fail("the server ends; what was begun is put right at its start")
            raise
        else:
            # With nothing to do there may be nothing to tell.
            if done or announcement.has_begun:
                announcement.finish(last if done else f"{application}: nothing to update")
        finally:
            self.busy_with = None
        self._restarts.restart_own_if_asked()

    def _check_print(self) -> None:
        if self._is_printing():
            raise UpdateRefused("Update refused: a print is under way", 503)

    async def _changed(
        self,
        item: UpdateItem,
        change: Callable[[Tell], Awaitable[bool]],
        tell: Tell,
        services: tuple[str, ...] | None = None,
        *,
        reverts: bool = True,
    ) -> bool:
        """Change an item and restart its services (None: all); whether something was done.

        Without `reverts` there is no version before that could be put back.
        """
        wanted = item.services if services is None else services
        try:
            if not await change(tell):
                return False
            down = await self._down_after_restart(wanted, tell)
            if down is None or not reverts:
                await item.keep()
            if down is None:
                return True
            if not reverts:
                raise UpdateFailed(f"{down}. What was recovered stays")
            await self._put_back(item, wanted, tell)
            raise UpdateFailed(f"{down}. The version before was put back")
        finally:
            with trio.move_on_after(1, shield=True):
                await self._stored.store(item)

    async def _down_after_restart(self, services: tuple[str, ...], tell: Tell) -> str | None:
        try:
            await self._restarts.restart(services, tell)
        except NotUp as exc:
            return str(exc)
        return None

    async def _put_back(self, item: UpdateItem, services: tuple[str, ...], tell: Tell) -> None:
        tell(f"{item.prefix}: putting back the version before...")
        await item.revert(tell)
        down = await self._down_after_restart(services, tell)
        if down is not None:
            logger.warning("%s: with the version before too: %s", item.name, down)

    async def _update_in_turn(self, item: UpdateItem, tell: Tell) -> None:
        """Of an update of everything: what is told says of which item it is."""
        self._check_print()
        own_tell = _under_heading(f"{item.prefix}: Updating...", tell)
        try:
            changed = await self._update_one(item, own_tell)
        except UpdateFailed as exc:
            raise UpdateFailed(f"{item.prefix}: {exc}", exc.status) from exc
        if changed:
            tell(f"{item.prefix}: Update Finished...")

    async def _update_one(self, item: UpdateItem, tell: Tell) -> bool:
        """Klipper and this server are restarted at their own turn."""
        if item.name in (OWN, KLIPPER):
            return await self._update_shared(item, tell)
        shared = tuple(name for name in item.services if name in (OWN, KLIPPER))
        own = tuple(name for name in item.services if name not in shared)
        changed = await self._changed(item, item.update, tell, own)
        if changed:
            self._restarts.postpone(shared)
        return changed

    async def _update_shared(self, item: UpdateItem, tell: Tell) -> bool:
        changed = await self._changed(item, item.update, tell)
        await self._restarts.flush([item.name], tell)
        if changed and item.name == KLIPPER:
            tell("Waiting for Klipper to come back...")
            with trio.move_on_after(KLIPPER_S):
                await self._klipper_is_back()
        return changed

    def _in_order(self) -> list[UpdateItem]:
        last = [self._items[name] for name in (KLIPPER, OWN) if name in self._items]
        return [item for item in self._items.values() if item not in last] + last


def _under_heading(heading: str, tell: Tell) -> Tell:
    """Tells the heading before the first line, and not without one."""
    told = False

    def say(text: str) -> None:
        nonlocal told
        if not told:
            told = True
            tell(heading)
        tell(text)

    return say
