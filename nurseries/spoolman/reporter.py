"""The spool reporter: charges what Klipper's extruders push to spools, and tells Spoolman.

`serve` follows Klipper, stores and sends; it ends when cancelled, and then sends what it can in a
moment. The connection to Spoolman is a part of its own (`link.py`), so that its comings and goings
do not touch the counting.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import trio

from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import DatabasePort
from mrk.errors import ClientError, Transient
from mrk.jobs.job_protocols import AuxiliaryValue
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.log.throttle import LogThrottle
from mrk.spool.assignments import SpoolAssignments
from mrk.spool.choice import spool_choice
from nurseries.spoolman.assignment_store import AssignmentStore
from nurseries.spoolman.endpoints import SpoolEndpoints
from nurseries.spoolman.follower import ExtruderFollower
from nurseries.spoolman.link import SpoolmanLink
from nurseries.spoolman.sender import COUNTS_LATE_S, ReportSender
from nurseries.spoolman.server import SpoolmanAway, SpoolmanServer

logger = logging.getLogger(__name__)
PROVIDER = "spoolman"
SET_ACTIVE_SPOOL = "spoolman_set_active_spool"
SET_TOOL_SPOOL = "spoolman_set_tool_spool"
# The whole shutdown has 2 s.
FLUSH_S = 0.8
# Of these, for Klipper's answer where its extruder is.
LAST_LOOK_S = 0.2
# Macros that choose spools; more than one at a time is a tool change within a tool change.
REMOTE_CALLS = 16


class SpoolReporter:
    """Implements `AuxiliaryProvider`, besides."""

    def __init__(
        self,
        klippy: KlippyPort,
        database: DatabasePort,
        clients: Clients,
        server: SpoolmanServer,
        link: SpoolmanLink,
        *,
        sync_rate_s: float = 5.0,
        counts_late_s: float = COUNTS_LATE_S,
    ) -> None:
        self._clients = clients
        self._link = link
        self._sync_rate_s = sync_rate_s
        self.book = SpoolAssignments()
        self._keeper = AssignmentStore(database, self.book)
        self._follower = ExtruderFollower(klippy, self.book, self._wake, self._store_now)
        self._sender = ReportSender(
            server, self.book.ledger, self._keeper.save, self._on_missing, counts_late_s
        )
        self._endpoints = SpoolEndpoints(self, self.book, link, server)
        self._choosing = trio.Lock()
        self._counted, self._due = trio.Event(), trio.Event()
        self._throttle = LogThrottle()
        self._calls_in, self._calls = trio.open_memory_channel[tuple[str | None, object]](
            REMOTE_CALLS
        )
        link.on_connected = self._on_connected
        link.on_deleted = self._on_deleted
        klippy.register_remote_method(SET_ACTIVE_SPOOL, self._call_set_active)
        klippy.register_remote_method(SET_TOOL_SPOOL, self._call_set_tool)

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return self._endpoints.endpoints()

    # What runs

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Count and report. Raises `Transient`."""
        with self._follower.open_events() as events:
            try:
                await self._load_or_wait()
                async with trio.open_nursery() as nursery:
                    task_status.started()
                    nursery.start_soon(self._follower.follow, events, name="extruders")
                    nursery.start_soon(self._take_calls, name="spool changes of macros")
                    nursery.start_soon(self._keep, name="spool ledger")
                    nursery.start_soon(self._report, name="spool reports")
            finally:
                with trio.move_on_after(FLUSH_S, shield=True) as scope:
                    await self._flush()
                if scope.cancelled_caught:
                    logger.warning("spool use waits for the next start: no time to report it")

    async def load(self) -> None:
        """Read what was stored, once. Raises `ClientError`."""
        await self._keeper.load()

    async def _load_or_wait(self) -> None:
        try:
            await self.load()
        except ClientError as exc:
            raise Transient(f"the spool ledger cannot be read: {exc.message}") from exc

    async def _keep(self) -> None:
        """Store what was counted; a Spoolman that hangs does not hold it up."""
        while True:
            self._counted = trio.Event()
            await self._store_now()
            if not self._keeper.is_behind:
                await self._counted.wait()
            await trio.sleep(self._sync_rate_s)

    async def _report(self) -> None:
        while True:
            self._due = trio.Event()
            if self._link.connected:
                await self._send()
            if not (self._link.connected and self._sender.has_work):
                await self._due.wait()
            await trio.sleep(self._sync_rate_s)

    async def _send(self) -> None:
        # A client may have chosen thousands since; who is not charged needs no check.
        self._sender.to_check &= self.book.charged | self.book.ledger.accounts.keys()
        try:
            await self._sender.send_due()
        except (SpoolmanAway, ClientError) as exc:
            self._say(f"spool use waits: {exc}")

    async def _flush(self) -> None:
        """The end of mrk."""
        if not self._keeper.loaded:
            return
        with trio.move_on_after(LAST_LOOK_S):
            await self._follower.look()
        try:
            await self._keeper.store()
            if self._link.was_connected:
                await self._sender.send_due()
        except (Transient, ClientError) as exc:
            logger.warning("spool use waits for the next start: %s", exc)

    async def _store_now(self) -> None:
        """If it cannot be stored, the next turn of `_keep` tries again."""
        try:
            await self._keeper.store()
        except ClientError as exc:
            self._say(f"spools and their use are not stored yet: {exc.message}")

    def _wake(self) -> None:
        self._counted.set()
        self._due.set()

    def _say(self, text: str) -> None:
        self._throttle.log(logger, text, trio.current_time())

    # Which spool

    async def set_spool(self, tool: str | None, spool_id: int | None) -> None:
        """Charge another spool from this moment on: the active one, or one tool's own.

        A choice that cannot be stored holds until mrk ends. Raises `ClientError` before a start.
        """
        await self.load()
        async with self._choosing:
            await self._follower.look()
            if tool is not None:
                self.book.select_for_tool(tool, spool_id)
            elif self.book.select(spool_id):
                self._notify_active()
            if spool_id is not None:
                self._sender.to_check.add(spool_id)
            self._keeper.choice_changed = True
            self._wake()
            await self._store_now()

    def _call_set_active(self, spool_id: object = None) -> None:
        self._call(None, spool_id)

    def _call_set_tool(self, tool: object, spool_id: object = None) -> None:
        self._call(str(tool), spool_id)

    def _call(self, tool: str | None, spool_id: object) -> None:
        try:
            self._calls_in.send_nowait((tool, spool_id))
        except trio.WouldBlock:
            logger.warning("a macro chose too many spools at once; spool %s is not set", spool_id)

    async def _take_calls(self) -> None:
        while True:
            tool, spool_id = await self._calls.receive()
            try:
                await self.set_spool(tool, spool_choice(spool_id))
            except ClientError as exc:
                logger.warning("a macro's choice of a spool is refused: %s", exc.message)

    def _on_missing(self, spool_id: int) -> None:
        if self.book.lose_active(spool_id):
            logger.warning("spool %d is not in Spoolman any more; no spool is active", spool_id)
            self._keeper.choice_changed = True
            self._notify_active()
        self._wake()

    def _notify_active(self) -> None:
        active = {"spool_id": self.book.active}
        self._clients.broadcast_behind_answer("notify_active_spool_set", [active])

    async def reassign(self, source: int | None, target: int | None) -> float:
        """Charge use that cannot be reported to another spool, or forget it; returns the mm.

        Raises `ClientError` when it cannot be stored.
        """
        await self.load()
        mm = self.book.ledger.reassign(source, target)
        self.book.moved = True
        self._wake()
        await self._keeper.store()
        return mm

    # The link

    def _on_connected(self, connected: bool) -> None:
        if connected:
            missing = {one.spool_id for one in self.book.ledger if one.missing}
            self._sender.to_check |= self.book.charged | missing
            self._wake()
        self._clients.broadcast(
            "notify_spoolman_status_changed", [{"spoolman_connected": connected}]
        )

    def _on_deleted(self, spool_id: int) -> None:
        if spool_id in self.book.charged or spool_id in self.book.ledger.accounts:
            self._sender.to_check.add(spool_id)
            self._wake()

    # The history

    def begin_job(self) -> None:
        """`AuxiliaryProvider.begin_job`."""
        self.book.begin_job()

    def resume_job(self, fields: Sequence[Mapping[str, Any]]) -> None:
        """`AuxiliaryProvider.resume_job`."""
        for one in fields:
            if one.get("provider") == PROVIDER and one.get("name") == "spool_ids":
                self.book.resume_job(one.get("value"))

    def values(self) -> Sequence[AuxiliaryValue]:
        """`AuxiliaryProvider.values`."""
        spools = list(self.book.job_spools)
        return (AuxiliaryValue(PROVIDER, "spool_ids", spools, "Spool IDs used"),)
