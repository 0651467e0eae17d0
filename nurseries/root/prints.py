"""What prints mean to files, and files to prints: small bridges between subsystems.

Owned by a generation; no task, no state beyond what they are given.
"""

from pathlib import Path, PurePosixPath

from mrk.errors import ClientError
from mrk.files.transfers import PrintOutcome, PrintStart
from mrk.jobs.ports import JobStatePort
from mrk.ports import GcodePort
from nurseries.jobs.job_queue import JobQueue


class PrintedFile:
    """Implements `InUse`: the file of a print that is under way, and the folders it lies in."""

    def __init__(self, job_state: JobStatePort, gcodes: Path) -> None:
        self._job_state = job_state
        # The file manager asks with real paths, and gcodes is often a link.
        self._gcodes = gcodes.resolve()

    def is_in_use(self, path: PurePosixPath) -> bool:
        """Whether `path` (absolute, without links) is being printed, or holds what is."""
        look = self._job_state.look
        if look is None or not look.stats.is_active or not look.stats.filename:
            return False
        printed = PurePosixPath(self._gcodes / look.stats.filename)
        return path == printed or path in printed.parents


class UploadPrinter:
    """Implements `UploadPrints`: starts what was uploaded, or queues it if that is configured."""

    def __init__(
        self, printer: GcodePort, job_state: JobStatePort, queue: JobQueue, queue_uploads: bool
    ) -> None:
        self._printer = printer
        self._job_state = job_state
        self._queue = queue
        self._queue_uploads = queue_uploads

    async def print_upload(self, filename: str) -> PrintOutcome:
        """Start or queue a file, by its path in the gcodes root."""
        reason = "a print is under way"
        if not self._job_state.is_active:
            try:
                await self._printer.start_print(filename)
            except ClientError as exc:
                reason = exc.message
            else:
                return PrintOutcome(PrintStart.STARTED)
        if not self._queue_uploads:
            return PrintOutcome(PrintStart.REFUSED, reason)
        try:
            await self._queue.add([filename])
        except ClientError as exc:
            return PrintOutcome(PrintStart.REFUSED, exc.message)
        return PrintOutcome(PrintStart.QUEUED, reason)
