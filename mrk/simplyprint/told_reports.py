"""What the cloud has been told, so that it hears only of changes, and not too often. Pure."""

from collections.abc import Mapping
from typing import Any

from mrk.simplyprint.intervals import Intervals

Report = Mapping[str, Any]
# Of these only what changed is told.
_PARTIAL = frozenset({"job_info", "temps", "webcam"})
# A heater that is so near to its target holds it.
_CLOSE_C = 2
_PACED = {"job_info": "job", "temps": "temps", "cpu": "cpu"}


class ToldReports:
    """One per connection, as a new one knows nothing."""

    def __init__(self) -> None:
        self._told: dict[str, dict[str, Any]] = {}
        self._at: dict[str, float] = {}

    def due(
        self, reports: Mapping[str, Report], now_s: float, intervals: Intervals
    ) -> list[tuple[str, Report]]:
        """Of all that is so now, what is to be said; what goes is told anew when it is back."""
        for gone in self._told.keys() - reports.keys():
            del self._told[gone], self._at[gone]
        news = []
        for kind, report in reports.items():
            changed = self._changed(kind, report)
            if changed and self._is_time(kind, changed, now_s, intervals):
                self._told[kind] = {**self._told.get(kind, {}), **report}
                self._at[kind] = now_s
                news.append((kind, changed))
        return news

    def _changed(self, kind: str, report: Report) -> Report:
        told = self._told.get(kind)
        if told is None:
            return report
        changed = {name: value for name, value in report.items() if told.get(name) != value}
        return changed if kind in _PARTIAL or not changed else report

    def _is_time(self, kind: str, changed: Report, now_s: float, intervals: Intervals) -> bool:
        pace = _PACED.get(kind)
        at = self._at.get(kind)
        if pace is None or at is None:
            return True
        if kind == "temps":
            if self._has_new_target(changed):
                return True
            pace = "temps_target" if any(_heats(value) for value in changed.values()) else pace
        return now_s - at >= intervals.seconds(pace) - 0.01

    def _has_new_target(self, changed: Report) -> bool:
        told = self._told.get("temps", {})
        return any(name in told and told[name][1:] != value[1:] for name, value in changed.items())


def _heats(value: list[int]) -> bool:
    return len(value) > 1 and value[1] > 0 and abs(value[0] - value[1]) > _CLOSE_C
