"""The connected printer's limits: asked for when Klipper is ready, kept while it is away.

`serve` follows the link until cancelled. Plans made before the limits changed no longer hold: their
fingerprint is another one.
"""

import logging
from collections.abc import Callable
from functools import partial

import trio

from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError
from mrk.estimate.klipper_settings import LimitsUnknown, limits_of
from mrk.estimate.printer_limits import DEFAULT_LIMITS, PrinterLimits
from mrk.klippy.events import Ready
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.requirements import SETTINGS_QUESTION, read_settings
from nurseries.analysis import plan_store

logger = logging.getLogger(__name__)
EVENTS = 16


class LimitsKeeper:
    """`limits` are those of an ordinary printer until one has told its own."""

    def __init__(self, klippy: KlippyPort, database: TablesPort) -> None:
        self._klippy = klippy
        self._database = database
        self.limits = DEFAULT_LIMITS
        self.fingerprint = DEFAULT_LIMITS.fingerprint()
        # Called when a ready printer has told its limits.
        self.on_ready: Callable[[], None] = lambda: None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when what was stored is known."""
        with self._klippy.open_events("printer's limits", EVENTS, Ready) as events:
            try:
                stored = await self._database.run(plan_store.read_limits)
            except ClientError as exc:
                logger.warning("limits of the last printer are not known: %s", exc.message)
                stored = None
            self._set(stored or DEFAULT_LIMITS)
            task_status.started()
            if self._klippy.klippy_state == "ready":
                await self._ask()
            async for _ in events:
                await self._ask()

    async def _ask(self) -> None:
        try:
            answer = await self._klippy.call("objects/query", SETTINGS_QUESTION)
            limits = limits_of(read_settings(answer))
        except (ClientError, LimitsUnknown) as exc:
            logger.warning("print times are planned with limits known before: %s", exc)
            return
        if limits != self.limits:
            self._set(limits)
            try:
                await self._database.run(partial(plan_store.write_limits, limits=limits))
            except ClientError as exc:
                logger.warning("limits of the printer are not stored: %s", exc.message)
        self.on_ready()

    def _set(self, limits: PrinterLimits) -> None:
        self.limits, self.fingerprint = limits, limits.fingerprint()
