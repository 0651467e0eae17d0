"""One strip: a supervised task that initialises it and paints, and the orders of clients.

`serve` tries for ever, with growing delay, until the strip has its initial state; then it sends
what macros order. One body is under way at a time; colours that came meanwhile go out as one.
"""

import logging
from collections.abc import Callable

import trio

from config.settings.wled import WledSettings
from mrk.errors import ClientError, Transient
from mrk.wled.remote import StateChange
from mrk.wled.strip import ColourChange, Order, Strip
from nurseries.wled.links import StripAway, StripLink

logger = logging.getLogger(__name__)
# What a request takes at most, the wait for its turn included.
REQUEST_S = 5.0
# Orders of macros that wait; a macro that paints 500 pixels sends so many.
MOST_ORDERS = 2000
Remote = ColourChange | StateChange


class LightStrip:
    """Owns the link; `strip` is what is known."""

    def __init__(self, settings: WledSettings, link: StripLink) -> None:
        self.name = settings.name
        self.strip = Strip(
            settings.name, settings.chain_count, settings.initial_preset, settings.initial_colour
        )
        self._link = link
        self._turn = trio.Lock()
        self._orders: list[Remote] = []
        self._wake = trio.Event()

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Initialise, then paint. Raises `Transient`."""
        async with self._link.opened():
            task_status.started()
            try:
                async with self._turn:
                    await self._send(self.strip.on())
            except StripAway as exc:
                self.strip.failed(str(exc))
                raise
            while True:
                self._wake = trio.Event()
                if not self._orders:
                    await self._wake.wait()
                await self._paint()

    async def _paint(self) -> None:
        """What macros ordered; a strip that is away then loses it, and says so."""
        orders, self._orders = self._orders, []
        while orders:
            count = 0
            while count < len(orders) and isinstance(orders[count], ColourChange):
                count += 1
            colours, change = orders[:count], orders[0]
            del orders[: max(count, 1)]
            try:
                async with self._turn:
                    if isinstance(change, StateChange):
                        await self._change(change)
                    else:
                        await self._send(self.strip.colours(colours))  # type: ignore[arg-type]
            except StripAway as exc:
                self._complain(str(exc))

    async def _change(self, change: StateChange) -> None:
        if change.on is False:
            await self._send(self.strip.off())
        if change.on or change.preset >= 0:
            await self._send(self.strip.on(change.preset))
        await self._send(self.strip.control(change.brightness, change.intensity, change.speed))

    async def _send(self, order: Order | None) -> None:
        if order is None:
            return
        for body in order.bodies:
            await self._link.send(body)
        self.strip.take(order)

    def _complain(self, reason: str) -> None:
        self.strip.failed(reason)
        logger.warning("wled %s: %s", self.name, reason)

    # Orders

    def order(self, change: Remote) -> None:
        """Of a macro; what is too much is dropped, with a warning."""
        count = self.strip.report.chain_count
        index = change.index if isinstance(change, ColourChange) else None
        if index is not None and not 1 <= index <= count:
            logger.warning("wled %s: set_wled: index %d is not 1 to %d", self.name, index, count)
            return
        if len(self._orders) >= MOST_ORDERS:
            logger.warning("wled %s: %d orders wait, one is dropped", self.name, MOST_ORDERS)
            return
        self._orders.append(change)
        self._wake.set()

    async def request(self, make: Callable[[Strip], Order | None]) -> None:
        """Of a client: made when its turn comes. Raises `ClientError` 400."""
        try:
            with trio.fail_after(REQUEST_S):
                async with self._turn:
                    await self._send(make(self.strip))
        except (Transient, trio.TooSlowError) as exc:
            reason = str(exc) or f"no answer within {REQUEST_S:g} s"
            self._complain(reason)
            raise ClientError(f"WLED: Error: strip {self.name}: {reason}") from exc
