"""The rows of the spool ledger. Called in the database's thread; values are whole, so that writing
them twice changes nothing."""

from typing import Any

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.spool.assignments import SpoolAssignments
from mrk.spool.extrusion import Extrusion
from mrk.spool.klipper_run import RunLook
from mrk.spool.ledger import Sending, SpoolAccount

_COLUMNS = (
    "spool_id, pending_mm, sending_mm, used_before_mm, last_used_before, lost_mm, registered,"
    " missing"
)


class StoredPositions(msgspec.Struct, frozen=True):
    """How far Klipper's extruders are, and in which of its runs."""

    places_mm: dict[str, float]
    from_start: bool
    run: RunLook | None


class LedgerSnapshot(msgspec.Struct, frozen=True):
    """What is to be written: changed accounts, those that are gone, and the rest whole."""

    rows: list[tuple[Any, ...]]
    gone: list[tuple[int]]
    unassigned_mm: float
    vanished: bool
    places: bytes


def take_snapshot(book: SpoolAssignments) -> LedgerSnapshot:
    """What of a book differs from what was stored; the book may go on at once."""
    accounts = book.ledger.accounts
    changed = book.ledger.changed
    places = StoredPositions(dict(book.extrusion.places_mm), book.extrusion.from_start, book.run)
    return LedgerSnapshot(
        [_row(accounts[spool_id]) for spool_id in changed if spool_id in accounts],
        [(spool_id,) for spool_id in changed if spool_id not in accounts],
        book.ledger.unassigned_mm,
        book.vanished,
        msgspec.json.encode(places),
    )


def write(connection: SqlConnection, snapshot: LedgerSnapshot) -> None:
    """Store a snapshot: use, and the places that it was told from, in one."""
    connection.executemany("DELETE FROM spool_ledger WHERE spool_id = ?", snapshot.gone)
    connection.executemany(
        f"INSERT OR REPLACE INTO spool_ledger ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        snapshot.rows,
    )
    connection.execute(
        "INSERT OR REPLACE INTO spool_usage (id, unassigned_mm, vanished, extruders)"
        " VALUES (1, ?, ?, ?)",
        (snapshot.unassigned_mm, snapshot.vanished, snapshot.places.decode()),
    )


class StoredLedger(msgspec.Struct, frozen=True):
    """What an earlier run of mrk left."""

    accounts: list[SpoolAccount]
    unassigned_mm: float
    vanished: bool
    places: StoredPositions | None


def read(connection: SqlConnection) -> StoredLedger:
    """Everything stored."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM spool_ledger").fetchall()
    row = connection.execute("SELECT unassigned_mm, vanished, extruders FROM spool_usage")
    unassigned_mm, vanished, text = row.fetchone() or (0.0, 0, None)
    return StoredLedger(
        [_account(row) for row in rows], unassigned_mm, bool(vanished), _places(text)
    )


def fill(book: SpoolAssignments, stored: StoredLedger) -> None:
    """Take over what was stored, into a book that knows its spools and nothing else."""
    for account in stored.accounts:
        if not account.is_empty or account.spool_id in book.charged:
            book.ledger.accounts[account.spool_id] = account
        else:
            book.ledger.changed.add(account.spool_id)  # its row can go
    book.ledger.unassigned_mm, book.vanished = stored.unassigned_mm, stored.vanished
    if stored.places is not None:
        book.extrusion = Extrusion(stored.places.places_mm, stored.places.from_start)
        book.run = stored.places.run


def _places(text: str | None) -> StoredPositions | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=StoredPositions)
    except msgspec.DecodeError:
        return None  # written by a newer mrk: counting begins from where the printer is


def _row(account: SpoolAccount) -> tuple[Any, ...]:
    sending = account.sending
    sent = (None, None, None)
    if sending is not None:
        sent = (sending.mm, sending.used_before_mm, sending.last_used_before)  # type: ignore[assignment]
    return (
        account.spool_id,
        account.pending_mm,
        *sent,
        account.lost_mm,
        account.registered,
        account.missing,
    )


def _account(row: tuple[Any, ...]) -> SpoolAccount:
    spool_id, pending_mm, mm, used_before_mm, last_used_before, lost_mm, registered, missing = row
    sending = None if mm is None else Sending(mm, used_before_mm, last_used_before)
    return SpoolAccount(spool_id, pending_mm, sending, lost_mm, registered, bool(missing))
