"""Sends what the ledger holds, one spool after the other, and settles what had no answer.

A report is stored before it is sent and marked after; without an answer the spool is read back, and
read again until a server that hangs would have given up, before the use is sent anew.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle
from mrk.spool.ledger import Ledger
from mrk.spool.spool import SpoolState
from nurseries.spoolman.server import SpoolmanServer, SpoolMissing, Used

logger = logging.getLogger(__name__)
# Spoolman gives up on a locked database after 60 s; until then it may still count.
COUNTS_LATE_S = 65.0
# What was refused once is refused again.
REFUSED_S = 60.0
Save = Callable[[bool], Awaitable[None]]


class ReportSender:
    """`save(durable)` stores the book and raises `ClientError`; `on_missing(spool_id)` is told
    when a spool is gone."""

    def __init__(
        self,
        server: SpoolmanServer,
        ledger: Ledger,
        save: Save,
        on_missing: Callable[[int], None],
        counts_late_s: float = COUNTS_LATE_S,
    ) -> None:
        self._server = server
        self._ledger = ledger
        self._save = save
        self._on_missing = on_missing
        self._counts_late_s = counts_late_s
        self._doubted_since: dict[int, float] = {}
        self._not_before: dict[int, float] = {}
        self._failed_at: dict[int, float] = {}
        self._throttle = LogThrottle()
        # Spools to be looked at although nothing is due.
        self.to_check: set[int] = set()

    @property
    def has_work(self) -> bool:
        """Whether another round would do something, now or later."""
        return bool(self.to_check or self._ledger.due())

    async def send_due(self) -> None:
        """One round. Raises `SpoolmanAway`, and `ClientError` when the ledger cannot be stored."""
        waiting = self.to_check.union(self._ledger.due())
        # A spool that cannot be read must not keep the others from their turn.
        for spool_id in sorted(waiting, key=lambda one: self._failed_at.get(one, 0.0)):
            if trio.current_time() >= self._not_before.get(spool_id, 0.0):
                self._failed_at[spool_id] = trio.current_time()
                await self._attend(spool_id)
                del self._failed_at[spool_id]

    async def _attend(self, spool_id: int) -> None:
        # Before it is read: what is heard meanwhile may be newer than the answer.
        self.to_check.discard(spool_id)
        try:
            found = await self._server.read_spool(spool_id)
        except SpoolMissing:
            self._missing(spool_id)
            return
        except BaseException:
            self.to_check.add(spool_id)
            raise
        if not self._ledger.recognize(spool_id, found):
            logger.warning("spool %d is another one now; its use is kept as lost", spool_id)
            self._missing(spool_id, is_other=True)
            return
        account = self._ledger.accounts.get(spool_id)
        if account is not None and account.sending is not None:
            await self._settle(spool_id, found)
        elif account is not None and account.is_due:
            await self._report(spool_id, found)

    async def _settle(self, spool_id: int, found: SpoolState) -> None:
        if self._ledger.was_counted(spool_id, found):
            logger.info("spool %d: the report without an answer was counted", spool_id)
            self._ledger.counted(spool_id)
        else:
            since = self._doubted_since.setdefault(spool_id, trio.current_time())
            if trio.current_time() < since + self._counts_late_s:
                return
            logger.info("spool %d: the report without an answer was not counted", spool_id)
            self._ledger.not_sent(spool_id)
        self._doubted_since.pop(spool_id, None)
        await self._save(False)

    async def _report(self, spool_id: int, found: SpoolState) -> None:
        sending = self._ledger.begin(spool_id, found)
        if sending is None:
            return
        try:
            await self._save(True)
        except (ClientError, trio.Cancelled):
            # Nothing has left. If it was stored nevertheless, the next save mends that.
            self._ledger.not_sent(spool_id)
            raise
        match await self._server.use(spool_id, sending.mm):
            case Used.COUNTED:
                self._ledger.counted(spool_id)
            case Used.REFUSED:
                self._ledger.not_sent(spool_id)
                self._warn(spool_id, "was not taken")
                self._not_before[spool_id] = trio.current_time() + REFUSED_S
            case Used.MISSING:
                self._missing(spool_id)
            case Used.UNSURE:
                self._warn(spool_id, "had no clear answer and is settled")
        await self._save(False)

    def _missing(self, spool_id: int, *, is_other: bool = False) -> None:
        self._doubted_since.pop(spool_id, None)
        if not is_other and spool_id in self._ledger.accounts:
            self._ledger.vanished(spool_id)
        self._on_missing(spool_id)

    def _warn(self, spool_id: int, what: str) -> None:
        text = f"the report of spool {spool_id} {what}: {self._server.last_refusal}"
        self._throttle.log(logger, text, trio.current_time())
