"""Filament of prints whose end nobody saw, from the moves of their files.

Klipper counts `filament_used` only while somebody asks for it: what was extruded between the last
question and the end is missing from its figure. Run by `History`; a job that is not measured (mrk
ends, the file is another one, the print was cancelled) keeps its mark `incomplete`.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError
from mrk.jobs.job_protocols import JobMetadata, JobStatePort
from mrk.jobs.record import Job
from mrk.log.throttle import LogThrottle
from nurseries.jobs import history_store
from nurseries.jobs.pending_writes import RETRY_S

logger = logging.getLogger(__name__)
# One comes with each return of a link at most; more than these are left as they are.
WAITING = 16


class UnseenFilament:
    """`tell` hears of a job that was corrected."""

    def __init__(
        self,
        job_state: JobStatePort,
        metadata: JobMetadata,
        database: TablesPort,
        tell: Callable[[Job], Awaitable[None]],
    ) -> None:
        self._job_state = job_state
        self._metadata = metadata
        self._database = database
        self._tell = tell
        self._throttle = LogThrottle()
        self._send, self._receive = trio.open_memory_channel[Job](WAITING)

    def add(self, job: Job) -> None:
        """Measure a job that is stored as ended, when its turn comes."""
        try:
            self._send.send_nowait(job)
        except trio.WouldBlock:
            logger.info("job %s: its filament is not measured", job.text_id)

    async def serve(self) -> None:
        """Measure; ends when cancelled."""
        while True:
            job = await self._receive.receive()
            used_mm = await self._measure(job)
            if used_mm is not None:
                await self._correct(job, used_mm)

    async def _measure(self, job: Job) -> float | None:
        until = None
        if job.status != "completed":
            # Klipper forgets the place of a print that was cancelled.
            until = await self._job_state.file_position() if job.status == "error" else None
            snapshot = self._job_state.snapshot
            if until is None or snapshot is None or not job.is_shown_ended(snapshot):
                return None
        return await self._metadata.extruded_mm(job.filename, job.metadata, until)

    async def _correct(self, job: Job, used_mm: float) -> None:
        corrected = job.with_filament(used_mm)
        added_mm = corrected.filament_used - job.filament_used
        while True:
            try:
                stored = await self._database.run(
                    lambda c: history_store.correct_filament(c, corrected, added_mm), durable=True
                )
            except ClientError as exc:
                text = f"job {job.text_id}: its filament is not stored: {exc.message}"
                self._throttle.log(logger, text, trio.current_time())
                await trio.sleep(RETRY_S)
                continue
            if stored:
                logger.info("job %s used %.1f mm, by its file", job.text_id, used_mm)
                await self._tell(corrected)
            return
