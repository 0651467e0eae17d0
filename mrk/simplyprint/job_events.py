"""What happened to jobs, kept while the cloud is away. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from mrk.jobs.print_stats import JobEvent, PrintStats
from mrk.status.numbers import finite

MOST_EVENTS = 10
_LEAST_DELAY_S = 1.0


def job_event(
    event: JobEvent, previous: PrintStats, now: PrintStats, metadata: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """What the cloud is told of an event; None where that is nothing (`state_change` tells it)."""
    match event:
        case JobEvent.STARTED:
            told: dict[str, Any] = {"started": True, "filename": file_name(now.filename)}
            estimate = finite((metadata or {}).get("estimated_time"))
            if estimate is not None:
                told["time"] = round(estimate)
            return told
        case JobEvent.PAUSED:
            return {"paused": True}
        case JobEvent.COMPLETED:
            return {"finished": True}
        case JobEvent.ERROR:
            return {"failed": True, "error": now.message}
        case JobEvent.CANCELLED:
            return {"cancelled": True}
        case JobEvent.STANDBY if previous.is_active:
            return {"cancelled": True}
    return None


def file_name(path: str) -> str:
    """Without its folders."""
    return path.rpartition("/")[2]


class JobEvents:
    """The newest ones, with when they happened."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, dict[str, Any]]] = deque(maxlen=MOST_EVENTS)

    def put(self, event: dict[str, Any], now_s: float) -> None:
        """Past the limit the oldest one goes."""
        self._waiting.append((now_s, event))

    def take(self, now_s: float) -> list[dict[str, Any]]:
        """All, oldest first; `delay` says how many seconds ago it was."""
        told = []
        for at, event in self._waiting:
            waited = now_s - at
            told.append({**event, "delay": round(waited)} if waited >= _LEAST_DELAY_S else event)
        self._waiting.clear()
        return told
