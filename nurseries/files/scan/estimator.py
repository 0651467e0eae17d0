"""Has files planned in a worker process of its own: scans do not wait for long estimates.

The process is the scan worker's program; it runs at idle priority, starts with the first estimate
and ends 30 s after the last one.
"""

import os
from pathlib import Path

from mrk.estimate.estimate_protocols import (
    EstimateFailed,
    Excluded,
    FileEstimate,
    TimedFile,
)
from mrk.estimate.printer_limits import PrinterLimits
from nurseries.files.scan.messages import (
    Estimated,
    EstimateFile,
    TimesWritten,
    WriteTimes,
)
from nurseries.files.scan.scanner import RewriteFailed, Scanner, ScannerStopped


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
        names = [name.encode(errors="replace") for name in excluded.names]
        request = EstimateFile(os.fsencode(path), limits, names, excluded.behind)
        try:
            done = await self._scanner.get(request, Estimated, limit_s)
        except (RewriteFailed, ScannerStopped) as exc:
            raise _failed(exc) from exc
        return FileEstimate(done.estimate, done.size_bytes, done.mtime_ns)

    async def write_times(
        self, source: Path, target: Path, limits: PrinterLimits, limit_s: float
    ) -> TimedFile:
        """Write a file with its times into the new file `target`; raises `EstimateFailed`."""
        request = WriteTimes(os.fsencode(source), os.fsencode(target), limits)
        try:
            done = await self._scanner.write(request, target, TimesWritten, limit_s)
        except (RewriteFailed, ScannerStopped) as exc:
            raise _failed(exc) from exc
        written = FileEstimate(done.estimate, done.new_size_bytes, done.new_mtime_ns)
        return TimedFile(done.sha256, done.size_bytes, done.mtime_ns, written)


def _failed(error: RewriteFailed | ScannerStopped) -> EstimateFailed:
    may_pass = isinstance(error, ScannerStopped) or error.may_pass
    return EstimateFailed(str(error), may_pass=may_pass)
