"""Plans and limits in the database: functions for its thread, and what goes through them."""

import zlib
from typing import Any

import msgspec

from mrk.database.database_protocols import SqlConnection
from mrk.estimate.estimate_protocols import FileEstimate
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate

_TABLES = ("gcode_plans", "processed_files")
_encode = msgspec.json.Encoder().encode
_estimates: msgspec.json.Decoder[Estimate] = msgspec.json.Decoder(Estimate)
_limits: msgspec.json.Decoder[PrinterLimits] = msgspec.json.Decoder(PrinterLimits)


class KnownTime(msgspec.Struct, frozen=True):
    """What a plan was made of, and its time."""

    fingerprint: str
    size_bytes: int
    modified: float
    total_time: float
    start_commands: str = ""
    first_extrusion: float | None = None
    bad_lines: int = 0

    def is_of(self, size_bytes: int, modified: float) -> bool:
        """Whether the file is still the same."""
        return self.size_bytes == size_bytes and self.modified == modified

    def holds(self, size_bytes: int, modified: float, fingerprint: str) -> bool:
        """Whether the file and the printer's limits are still the same."""
        return self.is_of(size_bytes, modified) and self.fingerprint == fingerprint


def read_times(connection: SqlConnection) -> dict[str, KnownTime]:
    """All plans, without what is in them."""
    rows = connection.execute(
        "SELECT path, fingerprint, size_bytes, modified, total_time, start_commands,"
        " first_extrusion, bad_lines FROM gcode_plans"
    )
    return {path: KnownTime(*rest) for path, *rest in rows}


def read_estimate(connection: SqlConnection, path: str) -> Estimate | None:
    """The plan of a file, of whatever state of it."""
    row = connection.execute("SELECT estimate FROM gcode_plans WHERE path = ?", (path,)).fetchone()
    return None if row is None else _estimates.decode(zlib.decompress(row[0]))


def pack(found: FileEstimate) -> bytes:
    """An estimate as it is stored; for a thread, like `read_estimate`."""
    return zlib.compress(_encode(found.estimate), 3)


def known_time(found: FileEstimate, fingerprint: str) -> KnownTime:
    """What is held in memory of a plan."""
    plan = found.estimate
    return KnownTime(
        fingerprint,
        found.size_bytes,
        found.modified,
        plan.total_time,
        " ".join(plan.start_commands),
        plan.first_extrusion,
        plan.bad_lines,
    )


def write_plan(connection: SqlConnection, path: str, known: KnownTime, packed: bytes) -> None:
    """Store a plan in place of an older one."""
    connection.execute(
        "INSERT OR REPLACE INTO gcode_plans (path, fingerprint, size_bytes, modified, total_time,"
        " start_commands, first_extrusion, bad_lines, estimate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (path, *msgspec.structs.astuple(known), packed),
    )


def forget(connection: SqlConnection, paths: list[str]) -> None:
    """Remove what is known of files that are gone."""
    for table in _TABLES:
        connection.executemany(f"DELETE FROM {table} WHERE path = ?", [(path,) for path in paths])


def rename(connection: SqlConnection, moved: dict[str, str]) -> None:
    """Files have another name."""
    for table in _TABLES:
        connection.executemany(
            f"UPDATE OR REPLACE {table} SET path = ? WHERE path = ?",
            [(new, old) for old, new in moved.items()],
        )


def read_limits(connection: SqlConnection) -> PrinterLimits | None:
    """Those of the printer that was connected last."""
    row: Any = connection.execute("SELECT limits FROM printer_limits WHERE id = 1").fetchone()
    try:
        return None if row is None else _limits.decode(row[0])
    except msgspec.DecodeError:
        return None  # of another version: the printer tells them again


def write_limits(connection: SqlConnection, limits: PrinterLimits) -> None:
    """Keep them for when Klipper is away."""
    connection.execute(
        "INSERT OR REPLACE INTO printer_limits VALUES (1, ?)", (_encode(limits).decode(),)
    )
