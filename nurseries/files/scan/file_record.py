"""The record of one g-code file, as it is kept and as `server.files.metadata` shows it.

Pure; `metadata_store.py` keeps them.
"""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from mrk.files.arrived import ArrivedFile
from mrk.gcode.metadata import ScanOutcome
from nurseries.files.scan.messages import NO_PILLOW

Record = dict[str, Any]
# Told of one file.
REASONS_LIMIT = 5


def file_record(outcome: ScanOutcome, size_bytes: int, modified: float) -> Record:
    """As `server.files.metadata` shows it; a failed scan leaves size, time and the reason.

    `scan_reason` of a scan that did not fail tells what was left out.
    """
    record: Record = {
        "size": size_bytes,
        "modified": modified,
        "print_start_time": None,
        "job_id": None,
        "scan_state": outcome.state,
    }
    reasons = [outcome.reason, *(note for note in outcome.notes if note != NO_PILLOW)]
    if reason := joined(reasons[:REASONS_LIMIT]):
        record["scan_reason"] = reason
    if outcome.metadata is not None:
        record |= {"uuid": str(uuid.uuid4()), **outcome.metadata.fields()}
    return record


def is_true(known: Mapping[str, Any], seen: tuple[int, float], arrived: ArrivedFile | None) -> bool:
    """Whether a record is of the file that is there, as far as can be seen."""
    if (known.get("size"), known.get("modified")) != seen:
        return False
    return arrived is None or not arrived.is_another(*seen, known.get("sha256"))


def joined(reasons: Iterable[str | None]) -> str:
    """Several reasons as one text."""
    return "; ".join(reason for reason in reasons if reason)
