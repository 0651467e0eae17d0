"""Has files planned in a worker process of its own: scans do not wait for long estimates.

The process is the scan worker's program; it runs at idle priority, starts with the first estimate
and ends 30 s after the last one.
"""

import os
from functools import partial
from pathlib import Path

import trio

from mrk.estimate.estimate_protocols import (
    EstimateFailed,
    Excluded,
    FileEstimate,
    TimedFile,
)
from mrk.estimate.printer_limits import PrinterLimits
from nurseries.files.scan.messages import (
    Answer,
    Estimated,
    EstimateFile,
    Failed,
    Request,
    TimesWritten,
    WriteTimes,
)
from nurseries.files.scan.scanner import Scanner, ScannerStopped


class WorkerEstimator:
    """Implements `Estimator`."""

    def __init__(self, scanner: Scanner) -> None:
        """`scanner` does nothing else, and is served by whoever owns both."""
        self._scanner = scanner

    async def estimate(
        self,
        path: Path,
        limits: PrinterLimits,
        limit_s: float,
        excluded: Excluded = Excluded(),  # noqa: B008
    ) -> FileEstimate:
        """Plan a file; raises `EstimateFailed`."""
        names = [os.fsencode(name) for name in excluded.names]
        request = EstimateFile(os.fsencode(path), limits, names, excluded.behind)
        answer = await self._ask(request, limit_s)
        if isinstance(answer, Estimated):
            return FileEstimate(answer.estimate, answer.size_bytes, answer.mtime_ns)
        raise _failure(answer)

    async def write_times(
        self, source: Path, target: Path, limits: PrinterLimits, limit_s: float
    ) -> TimedFile:
        """Write a file with its times into the new file `target`; raises `EstimateFailed`."""
        request = WriteTimes(os.fsencode(source), os.fsencode(target), limits)
        try:
            answer = await self._ask(request, limit_s)
        except EstimateFailed as exc:
            failure = exc
        else:
            if isinstance(answer, TimesWritten):
                return TimedFile(
                    answer.total_time, answer.sha256, answer.size_bytes, answer.mtime_ns
                )
            failure = _failure(answer)
        await trio.to_thread.run_sync(partial(target.unlink, missing_ok=True))
        raise failure

    async def _ask(self, request: Request, limit_s: float) -> Answer:
        try:
            return await self._scanner.ask(request, limit_s)
        except ScannerStopped as exc:
            raise EstimateFailed(str(exc), may_pass=True) from exc


def _failure(answer: Answer) -> EstimateFailed:
    if isinstance(answer, Failed):
        return EstimateFailed(answer.reason, may_pass=answer.may_pass)
    return EstimateFailed("the scan worker answered nonsense")
