"""Has files planned in a worker process of its own: scans do not wait for long estimates.

The process is the scan worker's program; it runs at idle priority, starts with the first estimate
and ends 30 s after the last one.
"""

import os
from pathlib import Path

from mrk.estimate.estimate_protocols import EstimateFailed, Excluded, FileEstimate
from mrk.estimate.printer_limits import PrinterLimits
from nurseries.files.scan.messages import Estimated, EstimateFile, Failed
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
        try:
            answer = await self._scanner.ask(request, limit_s)
        except ScannerStopped as exc:
            raise EstimateFailed(str(exc), may_pass=True) from exc
        if isinstance(answer, Estimated):
            return FileEstimate(answer.estimate, answer.size_bytes, answer.mtime_ns)
        if isinstance(answer, Failed):
            raise EstimateFailed(answer.reason, may_pass=answer.may_pass)
        raise EstimateFailed("the scan worker answered nonsense")
