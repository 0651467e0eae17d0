"""How `mrk estimate` and `mrk metadata` name files, and tell of one that cannot be read."""

import sys
from pathlib import Path
from typing import Any


def printable(path: Path) -> str:
    """The name; bytes that are no text are shown as such."""
    return str(path).encode(errors="surrogateescape").decode(errors="replace")


def failed_record(path: Path, error: Exception) -> dict[str, Any]:
    """What is printed in the place of the file's record."""
    reason = getattr(error, "strerror", None) or str(error)
    return {"filename": printable(path), "state": "failed", "reason": reason}


def print_failed(record: dict[str, Any]) -> bool:
    """Tell a person of a failed record; False, and nothing, for another one."""
    if record["state"] != "failed":
        return False
    print(f"{record['filename']}: {record['reason']}", file=sys.stderr)
    return True
