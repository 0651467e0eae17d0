"""What the display is told of folders and files: the answers to `M20` and `M36`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mrk.paneldue.commands import plain_path
from mrk.status.numbers import finite

MACROS = "macros"
# The display has room for some hundred; at 57,600 baud a thousand take five seconds.
MOST_NAMES = 1000
_NO_FILE: Mapping[str, Any] = {"err": 1}


def folder_path(text: str) -> str:
    """A folder as the API names it; the display cannot handle `/`, which gives it gcodes."""
    return plain_path(text) or "gcodes"


def folder_answer(path: str, folders: Iterable[str], files: Iterable[str]) -> dict[str, Any]:
    """Folders begin with a star, and come first; hidden names are left out."""
    names = [*(f"*{name}" for name in _shown(folders)), *_shown(files)]
    return {"dir": f"/{path}", "files": names[:MOST_NAMES]}


def _shown(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.startswith("."))


def missing_folder(path: str) -> dict[str, Any]:
    """A folder that is not there."""
    return {"dir": f"/{path}", "files": [], "err": 1}


def macro_answer(labels: Sequence[str]) -> dict[str, Any]:
    """The macros, as a folder."""
    return {"dir": f"/{MACROS}", "files": list(labels)}


def file_answer(record: Mapping[str, Any] | None, name: str | None = None) -> Mapping[str, Any]:
    """About a file, by its metadata; `name` is told when the display does not know it."""
    if record is None:
        return _NO_FILE
    answer: dict[str, Any] = {"err": 0}
    if name is not None:
        answer["fileName"] = name
    answer["size"] = int(known(record, "size") or 0)
    # The display drops the first T, which is meant to stand between date and time.
    answer["lastModified"] = f"T{_time_text(known(record, 'modified') or 0.0)}"
    if isinstance(record.get("slicer"), str):
        answer["generatedBy"] = record["slicer"]
    for field, told in (("object_height", "height"), ("layer_height", "layerHeight")):
        value = known(record, field)
        if value is not None:
            answer[told] = round(value, 2)
    filament = known(record, "filament_total")
    if filament is not None:
        answer["filament"] = [round(filament, 1)]
    seconds = known(record, "estimated_time")
    if seconds is not None:
        answer["printTime"] = int(seconds)
    return answer


def known(record: Mapping[str, Any], field: str) -> float | None:
    """A number of a record; None for what is none."""
    return finite(record.get(field))


def _time_text(modified: float) -> str:
    """As C's `ctime` writes it, in the printer's own time."""
    try:
        return datetime.fromtimestamp(modified, UTC).astimezone().ctime()
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC).ctime()
