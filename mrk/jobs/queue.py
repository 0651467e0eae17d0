"""The job queue's rules: what each order and each event of the printer does to it.

A `Queue` is a value; every rule returns the next one. Nothing here starts a print: a queue in
state `loading` asks `nurseries/jobs/job_queue.py` to load its first job.
"""

import enum
from collections.abc import Collection, Sequence

import msgspec

from mrk.errors import ClientError
from mrk.jobs.events import JobSnapshot
from mrk.jobs.print_stats import PrintStats
from mrk.jobs.print_stats import missed as is_missed

QUEUE_LIMIT = 5000
COPIES_LIMIT = 999
NOTE_CHARS = 1000


class QueueState(enum.StrEnum):
    """paused: nothing loads; ready: loads after the current job; the others say so."""

    READY = "ready"
    LOADING = "loading"
    STARTING = "starting"
    PAUSED = "paused"


class QueuedJob(msgspec.Struct, frozen=True):
    """One entry. `position` orders the queue, `time_added` is Unix time, `copies` are left."""

    job_id: str
    filename: str
    time_added: float
    user: str | None = None
    copies: int = 1
    note: str | None = None
    position: int = 0


class Transitions(msgspec.Struct, frozen=True):
    """How the queue goes on: `[job_queue]`."""

    automatic: bool = False
    load_on_startup: bool = False
    delay_s: float = 0.01
    gcode: str = ""


ONE_BY_ONE = Transitions()


class Queue(msgspec.Struct, frozen=True):
    """The whole queue, as it is stored.

    `held`: a pause was asked for, or the printer shut down; nothing but a start makes it ready.
    `confirmed`: a start was asked for while the printer was away, and nothing was printed since,
    so the bed is known to be free. `printing` is the file under way, `last` says that no job was
    left when it was loaded. `before` is what the printer showed before the job was started that has
    the state `starting`.
    """

    jobs: tuple[QueuedJob, ...] = ()
    state: QueueState = QueueState.PAUSED
    held: bool = False
    confirmed: bool = False
    printing: str | None = None
    before: PrintStats | None = None
    last: bool = False

    # Orders

    def added(
        self, jobs: Sequence[QueuedJob], *, reset: bool, automatic: bool, active: bool
    ) -> "Queue":
        """With jobs at the end; raises `ClientError` when there are too many."""
        kept = () if reset else self.jobs
        if len(kept) + len(jobs) > QUEUE_LIMIT:
            raise ClientError(f"The job queue holds at most {QUEUE_LIMIT} jobs")
        first = kept[-1].position + 1 if kept else 0
        placed = (
            msgspec.structs.replace(job, position=first + number) for number, job in enumerate(jobs)
        )
        queue = msgspec.structs.replace(self, jobs=(*kept, *placed))
        waits = self.state is QueueState.PAUSED and not self.held
        if automatic and active and waits:
            return msgspec.structs.replace(queue, state=QueueState.READY)
        return queue

    def without(self, job_ids: Collection[str] | None) -> "Queue":
        """Unknown ids are ignored; None removes all."""
        if job_ids is None:
            return msgspec.structs.replace(self, jobs=())
        return msgspec.structs.replace(
            self, jobs=tuple(job for job in self.jobs if job.job_id not in job_ids)
        )

    def jumped(self, job_id: str) -> "Queue":
        """With that job at the front; raises `ClientError`."""
        found = [job for job in self.jobs if job.job_id == job_id]
        if not found:
            raise ClientError(f"No job '{job_id:.60}' in the queue")
        if found[0] == self.jobs[0]:
            return self
        first = msgspec.structs.replace(found[0], position=self.jobs[0].position - 1)
        return msgspec.structs.replace(self, jobs=(first, *self.without([job_id]).jobs))

    def paused(self) -> "Queue":
        """On request: also later additions do not make it ready."""
        return msgspec.structs.replace(self, state=QueueState.PAUSED, held=True, confirmed=False)

    def started(self, *, free: bool, away: bool, automatic: bool) -> "Queue":
        """`free`: the printer would print now; `away`: it cannot be asked."""
        queue = msgspec.structs.replace(self, held=False)
        if self.state not in (QueueState.READY, QueueState.PAUSED):
            return queue
        if not self.jobs:
            return msgspec.structs.replace(queue, state=QueueState.PAUSED)
        if free:
            return msgspec.structs.replace(queue, state=QueueState.LOADING)
        state = QueueState.READY if automatic else QueueState.PAUSED
        return msgspec.structs.replace(queue, state=state, confirmed=away)

    # Loading

    def load_failed(self) -> "Queue":
        """The first job could not be started, or may not be."""
        if self.state in (QueueState.LOADING, QueueState.STARTING):
            return msgspec.structs.replace(self, state=QueueState.PAUSED)
        return self

    def emptied(self, automatic: bool) -> "Queue":
        """All jobs were removed before the first could be loaded."""
        return msgspec.structs.replace(
            self, state=QueueState.READY if automatic else QueueState.PAUSED
        )

    def starting(self, before: PrintStats) -> "Queue":
        """The printer, which shows `before`, is asked to print the first job, unless a pause or a
        removal was first."""
        if self.state is QueueState.LOADING and self.jobs:
            return msgspec.structs.replace(self, state=QueueState.STARTING, before=before)
        return self

    def loaded(self, job_id: str | None, automatic: bool) -> "Queue":
        """The printer has begun that job: one copy less."""
        jobs = tuple(
            msgspec.structs.replace(job, copies=job.copies - 1) if job.job_id == job_id else job
            for job in self.jobs
        )
        left = tuple(job for job in jobs if job.copies > 0)
        queue = msgspec.structs.replace(self, jobs=left, last=not left)
        if self.state is not QueueState.STARTING:
            return queue
        goes_on = queue.jobs and automatic
        return msgspec.structs.replace(
            queue, state=QueueState.READY if goes_on else QueueState.PAUSED
        )

    # Events of the printer

    def on_started(self, filename: str, *, over: bool = False) -> "Queue":
        """A print began: the bed is in use. What begins `over` another print is no job."""
        last = self.last and not over
        return msgspec.structs.replace(self, printing=filename, confirmed=False, last=last)

    def on_completed(self) -> "Queue":
        """The print ended well: a ready queue goes on."""
        queue = msgspec.structs.replace(self, printing=None, last=False)
        if self.state is QueueState.READY and self.jobs:
            return msgspec.structs.replace(queue, state=QueueState.LOADING)
        return queue

    def on_aborted(self) -> "Queue":
        """The print was cancelled or failed."""
        queue = msgspec.structs.replace(self, printing=None, last=False)
        return msgspec.structs.replace(queue, state=QueueState.PAUSED) if self.jobs else queue

    def on_shutdown(self) -> "Queue":
        """The printer shut down; an empty queue does not have to be started again."""
        queue = msgspec.structs.replace(self, printing=None, last=False)
        if not self.jobs:
            return msgspec.structs.replace(queue, state=QueueState.PAUSED)
        return queue.paused()

    def on_seen(self, snapshot: JobSnapshot, automatic: bool) -> "Queue":
        """The first snapshot of the printer after mrk, or Klipper, was away."""
        stats = snapshot.stats
        if snapshot.is_vague:
            return self
        if snapshot.is_down:
            return self.on_shutdown() if self.printing else self
        if stats.is_active:
            return self.on_started(stats.filename, over=self.printing not in (None, stats.filename))
        if self.printing is None:
            return self
        if self.is_completed(snapshot):
            return self.on_completed()
        # What was on the bed did not end as it should: as after a shutdown.
        return self.on_shutdown()

    def is_completed(self, snapshot: JobSnapshot) -> bool:
        """Whether the print under way is seen to have ended well."""
        stats = snapshot.stats
        is_complete = stats.state == "complete" and not snapshot.is_down
        return is_complete and stats.filename == self.printing

    def is_emptied(self, snapshot: JobSnapshot) -> bool:
        """The same of the last job's print, behind which nothing was queued."""
        return self.last and not self.jobs and self.is_completed(snapshot)

    def on_ready(self, automatic: bool) -> "Queue":
        """The printer became ready and prints nothing, and `load_on_startup` is on.

        Nothing starts onto a bed that nobody confirmed, unless transitions are automatic.
        """
        waits = self.state in (QueueState.READY, QueueState.PAUSED) and not self.held
        if self.jobs and waits and (automatic or self.confirmed):
            return msgspec.structs.replace(self, state=QueueState.LOADING)
        return self

    # Events of mrk itself, and of files

    def restored(self, automatic: bool) -> "Queue":
        """As read back: a load that was under way may or may not have happened."""
        match self.state:
            case QueueState.LOADING:
                return msgspec.structs.replace(self, state=QueueState.PAUSED)
            case QueueState.READY if not automatic:
                return msgspec.structs.replace(self, state=QueueState.PAUSED)
        return self

    def settled(
        self,
        snapshot: JobSnapshot | None,
        automatic: bool,
        handed: str | None = None,
        *,
        missed: bool = False,
    ) -> "Queue":
        """A job (`handed`, or the first in state `starting`) was given to the printer, and the
        answer lost with the link or with mrk; now it is known whether the printer took it.

        `missed`: the snapshot shows the end of a print that began meanwhile.
        """
        if snapshot is None or snapshot.is_vague:
            return self
        stats = snapshot.stats
        if handed is None and self.state is QueueState.STARTING and self.jobs:
            handed = self.jobs[0].job_id
            missed = missed or (self.before is not None and is_missed(self.before, stats))
        if (stats.is_active or missed) and self.is_of(handed, stats.filename):
            return msgspec.structs.replace(self.loaded(handed, automatic), printing=stats.filename)
        if self.state is QueueState.STARTING:
            return msgspec.structs.replace(self, state=QueueState.PAUSED)
        return self

    def is_of(self, job_id: str | None, filename: str) -> bool:
        """Whether the job is queued, and prints that file."""
        return any(job.job_id == job_id and job.filename == filename for job in self.jobs)

    def file_removed(self, path: str) -> "Queue":
        """A file, or a folder with all that is in it, is gone."""
        jobs = tuple(job for job in self.jobs if not _is_at(job.filename, path))
        return msgspec.structs.replace(self, jobs=jobs)

    def file_moved(self, source: str, dest: str) -> "Queue":
        """A file, or a folder with all that is in it, has another name."""
        jobs = tuple(
            msgspec.structs.replace(job, filename=dest + job.filename[len(source) :])
            if _is_at(job.filename, source)
            else job
            for job in self.jobs
        )
        return msgspec.structs.replace(self, jobs=jobs)


def _is_at(filename: str, path: str) -> bool:
    return filename == path or filename.startswith(f"{path}/")
