"""Prints what was uploaded with `print=true`: started, queued or refused."""

from mrk.errors import ClientError
from mrk.files.transfers import PrintOutcome, PrintStart
from mrk.jobs.job_protocols import JobStatePort
from mrk.klippy.klippy_protocols import GcodePort
from nurseries.jobs.job_queue import JobQueue


class UploadPrinter:
    """Implements `UploadPrints`: starts what was uploaded, or queues it if that is configured."""

    def __init__(
        self, printer: GcodePort, job_state: JobStatePort, queue: JobQueue, queue_uploads: bool
    ) -> None:
        self._printer = printer
        self._job_state = job_state
        self._queue = queue
        self._queue_uploads = queue_uploads

    async def print_upload(self, filename: str, user: str | None = None) -> PrintOutcome:
        """Start or queue a file, by its path in the gcodes root."""
        reason = "a print is under way"
        if not self._job_state.is_active:
            try:
                await self._printer.start_print(filename, user)
            except ClientError as exc:
                reason = exc.message
            else:
                return PrintOutcome(PrintStart.STARTED)
        if not self._queue_uploads:
            return PrintOutcome(PrintStart.REFUSED, reason)
        try:
            await self._queue.add([filename], user=user)
        except ClientError as exc:
            return PrintOutcome(PrintStart.REFUSED, exc.message)
        return PrintOutcome(PrintStart.QUEUED, reason)
