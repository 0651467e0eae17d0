"""Prints what was uploaded with `print=true`: started, queued or refused."""

from mrk.errors import ClientError
from mrk.files.transfers import PrintOutcome, PrintStart
from mrk.jobs.job_protocols import JobStatePort
from mrk.jobs.queue import QueueState
from mrk.klippy.klippy_protocols import GcodePort
from mrk.klippy.link_errors import KlippyLost
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
        if await self.is_queued(filename):
            return PrintOutcome(PrintStart.QUEUED, "already queued")
        if self._queue.powers_printer and await self._job_state.query() is None:
            return await self._queue_for_power(filename, user)
        reason, handed = "a print is under way", False
        if not self._job_state.is_active:
            try:
                await self._printer.start_print(filename, user)
            except ClientError as exc:
                # A job that the printer has begun all the same is taken from the queue.
                reason, handed = exc.message, isinstance(exc, KlippyLost)
            else:
                return PrintOutcome(PrintStart.STARTED)
        if not self._queue_uploads:
            return PrintOutcome(PrintStart.REFUSED, reason)
        try:
            await self._queue.add([filename], user=user, handed=handed)
        except ClientError as exc:
            return PrintOutcome(PrintStart.REFUSED, exc.message)
        return PrintOutcome(PrintStart.QUEUED, reason)

    @property
    def may_wait(self) -> bool:
        """Whether files may wait for a printer that is being switched on."""
        return self._queue.powers_printer and not self._queue.is_known_empty

    async def is_queued(self, filename: str) -> bool:
        """Whether a file is the next to be printed, as soon as the printer is ready."""
        if not self._queue.powers_printer:
            return False
        try:
            queue = await self._queue.status()
        except ClientError:
            return False
        if not queue.jobs or queue.jobs[0].filename != filename.removeprefix("/"):
            return False
        if queue.state in (QueueState.LOADING, QueueState.STARTING):
            return True
        return queue.confirmed and await self._job_state.query() is None

    async def _queue_for_power(self, filename: str, user: str | None) -> PrintOutcome:
        """First in the queue of a printer that is off: queued jobs switch it on."""
        try:
            queue = await self._queue.add([filename], user=user)
            await self._queue.jump(queue.jobs[-1].job_id)
            await self._queue.start()
        except ClientError as exc:
            return PrintOutcome(PrintStart.REFUSED, exc.message)
        return PrintOutcome(PrintStart.QUEUED, "the printer is being switched on")
