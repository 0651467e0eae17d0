"""What metadata shows of the times of files, from memory."""

from mrk.estimate.print_position import PrintPosition
from nurseries.analysis.estimates import Estimates
from nurseries.analysis.object_plans import ObjectPlans
from nurseries.analysis.start_times import StartTimes


class ShownTimes:
    """Implements `FileTimes`."""

    def __init__(self, estimates: Estimates, start_times: StartTimes, plans: ObjectPlans) -> None:
        self._estimates = estimates
        self._start_times = start_times
        self._plans = plans

    def estimated_time(self, path: str, size_bytes: int, modified: float) -> float | None:
        """`FileTimes.estimated_time`."""
        return self._estimates.estimated_time(path, size_bytes, modified)

    def trouble(self, path: str, size_bytes: int, modified: float) -> str | None:
        """`FileTimes.trouble`."""
        return self._estimates.trouble(path, size_bytes, modified)

    def start_duration(self, path: str) -> float | None:
        """`FileTimes.start_duration`."""
        start = self._start_times.of(self._estimates.start_commands(path))
        return None if start is None else start.seconds

    def time_left(self, path: str, position: int) -> float | None:
        """`FileTimes.time_left`."""
        return self._plans.time_left(path, PrintPosition(position))
