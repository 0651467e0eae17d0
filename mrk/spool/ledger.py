"""What each spool has still to be told: charged, sent and settled, so that every mm counts once.

A report is a state machine per spool: `begin` (to be stored before anything is sent), then
`counted`, `not_sent` or `vanished`; without an answer the report stays `sending` until the spool
itself tells (`was_counted`). Pure; `nurseries/spoolman` stores and sends.
"""

from collections.abc import Iterator

import msgspec

from mrk.spool.spool import SpoolState, same_moment

# Less is not worth a request; it waits for more.
LEAST_MM = 0.01
# Spoolman computes lengths from grams in 64-bit floats.
TOLERANCE_MM = 0.002
# Rows that can come up; a client that selects spools at random meets it.
MOST_SPOOLS = 500


class Sending(msgspec.Struct, frozen=True):
    """A report on its way; the spool as it was before it."""

    mm: float
    used_before_mm: float
    last_used_before: str | None


class SpoolAccount(msgspec.Struct):
    """One spool. `pending_mm` is net and below 0 while retractions are held back.

    `missing`: Spoolman does not know the spool. `lost_mm` was used from a spool that is gone for
    good, another one having its id.
    """

    spool_id: int
    pending_mm: float = 0.0
    sending: Sending | None = None
    lost_mm: float = 0.0
    registered: str | None = None
    missing: bool = False

    @property
    def unreported_mm(self) -> float:
        """What Spoolman is not known to have counted."""
        return self.pending_mm + (0.0 if self.sending is None else self.sending.mm)

    @property
    def is_due(self) -> bool:
        """Whether there is something to send or to settle."""
        if self.missing:
            return False
        return self.sending is not None or self.pending_mm >= LEAST_MM

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be forgotten with it."""
        return self.pending_mm == 0 and self.sending is None and self.lost_mm == 0


class Ledger(msgspec.Struct):
    """All accounts. `changed` holds ids whose account differs from what was stored last."""

    accounts: dict[int, SpoolAccount] = {}
    unassigned_mm: float = 0.0
    changed: set[int] = set()

    def charge(self, spool_id: int, mm: float) -> None:
        """Note net use of a spool, below 0 for a retraction."""
        account = self._account(spool_id)
        if account is None:
            self.unassigned_mm += mm
        else:
            account.pending_mm += mm

    def due(self) -> list[int]:
        """Spools with something to send or to settle."""
        return [one.spool_id for one in self.accounts.values() if one.is_due]

    def begin(self, spool_id: int, found: SpoolState) -> Sending | None:
        """Take all that is pending into a report; None when there is nothing to send."""
        account = self._touched(spool_id)
        if account.sending is not None or account.pending_mm < LEAST_MM:
            return None
        mm = account.pending_mm
        account.sending = Sending(mm, found.used_length_mm, found.last_used)
        account.pending_mm = 0.0
        return account.sending

    def counted(self, spool_id: int) -> None:
        """The report was answered: Spoolman has it."""
        self._touched(spool_id).sending = None

    def not_sent(self, spool_id: int) -> None:
        """The report surely took no effect: it is to be sent again."""
        account = self._touched(spool_id)
        if account.sending is not None:
            account.pending_mm += account.sending.mm
            account.sending = None

    def vanished(self, spool_id: int) -> None:
        """Spoolman does not know the spool: what it used waits for it to come back."""
        self.not_sent(spool_id)
        self._touched(spool_id).missing = True

    def was_counted(self, spool_id: int, found: SpoolState) -> bool:
        """Whether the spool, compared with what it was, has a report without an answer.

        False may still become true: a server that hangs counts late. Somebody else may have changed
        the spool meanwhile: then the time of the last use decides.
        """
        sending = self.accounts[spool_id].sending
        assert sending is not None
        grown_mm = found.used_length_mm - sending.used_before_mm
        tolerance_mm = min(TOLERANCE_MM, sending.mm / 4) + abs(found.used_length_mm) * 1e-12
        if abs(grown_mm - sending.mm) <= tolerance_mm:
            return True
        return abs(grown_mm) > tolerance_mm and found.last_used != sending.last_used_before

    def recognize(self, spool_id: int, found: SpoolState) -> bool:
        """Whether the spool that was read is the one that was charged.

        If another one has its id by now, all of its use is lost, and the next charge is the
        other's.
        """
        account = self._account(spool_id)
        if account is None:
            return True
        account.missing = False
        known = account.registered
        if known is not None and not same_moment(known, found.registered):
            self._lose(account)
            return False
        account.registered = found.registered
        return True

    def selected(self, spool_id: int) -> None:
        """The user chose the spool: if it had gone, what is chosen now is another one."""
        account = self.accounts.get(spool_id)
        if account is not None and account.missing:
            self.changed.add(spool_id)
            account.missing = False
            if account.registered is not None:
                self._lose(account)

    def reassign(self, source: int | None, target: int | None) -> float:
        """Move use that cannot be reported (of a spool, or None: unassigned) to another spool, or
        forget it (None); returns the mm."""
        if source is None:
            mm, self.unassigned_mm = self.unassigned_mm, 0.0
        else:
            mm = self._take_stuck(source)
        if target is not None and mm:
            self.charge(target, mm)
        return mm

    def _take_stuck(self, spool_id: int) -> float:
        account = self.accounts.get(spool_id)
        if account is None:
            return 0.0
        self.changed.add(spool_id)
        mm, account.lost_mm = account.lost_mm, 0.0
        if account.missing:
            mm += account.pending_mm
            account.pending_mm = 0.0
        return mm

    def _lose(self, account: SpoolAccount) -> None:
        account.lost_mm += account.unreported_mm
        account.pending_mm, account.sending, account.registered = 0.0, None, None

    def _account(self, spool_id: int) -> SpoolAccount | None:
        if spool_id not in self.accounts:
            if len(self.accounts) >= MOST_SPOOLS and not self._drop_one():
                return None
            self.accounts[spool_id] = SpoolAccount(spool_id)
        return self._touched(spool_id)

    def _touched(self, spool_id: int) -> SpoolAccount:
        self.changed.add(spool_id)
        return self.accounts[spool_id]

    def _drop_one(self) -> bool:
        for account in self.accounts.values():
            if account.is_empty:
                del self.accounts[account.spool_id]
                self.changed.add(account.spool_id)
                return True
        return False

    def __iter__(self) -> Iterator[SpoolAccount]:
        return iter(self.accounts.values())
