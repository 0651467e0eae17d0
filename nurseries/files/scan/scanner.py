"""The owner of the scan worker: one child process for many files, so that no scan disturbs a print.

`serve` runs in the root's tree until cancelled. The process is started when there is work and
ended after 30 s without. Callers wait in line, first come first served; the line is as long as
there are callers. A file that takes too long or kills the worker fails alone: the process is
replaced for the next one.
"""

import logging
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import trio

from mrk.errors import MrkError, Transient
from mrk.gcode.metadata import ScanOutcome, ScanState, ThumbnailInfo
from mrk.gcode.processors import GcodeProcessor
from nurseries.files.scan.messages import (
    AddObjects,
    Answer,
    ExtrusionMeasured,
    Failed,
    MeasureExtrusion,
    ObjectsAdded,
    ProcessorDone,
    Request,
    RunProcessor,
    ScanFile,
    ScannedAnswer,
    Unpacked,
    UnpackPackage,
)
from nurseries.files.scan.process import ScanLimits, WorkerMissing, open_worker

logger = logging.getLogger(__name__)
Done = TypeVar("Done", bound=Answer)
WORKER = (sys.executable, "-P", "-m", "nurseries.files.scan.worker")


class ScannerStopped(Transient):
    """Nobody scans now: the daemon is stopping, or the scanner is being restarted."""


class RewriteFailed(MrkError):
    """A package could not be unpacked, objects not be added or a file not be read; says why.

    `may_pass`: not the file is to blame, another try may succeed.
    """

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


class _Job(msgspec.Struct):
    request: Request
    limit_s: float
    answer: Answer | None = None
    scope: trio.CancelScope = msgspec.field(default_factory=trio.CancelScope)
    done: trio.Event = msgspec.field(default_factory=trio.Event)

    def finish(self, answer: Answer | None) -> None:
        """The first answer counts; None: there will be none."""
        if not self.done.is_set():
            self.answer = answer
            self.done.set()


class Scanner:
    """Scans g-code files one after the other in a process of its own."""

    def __init__(self, limits: ScanLimits | None = None, command: Sequence[str] = WORKER) -> None:
        self._limits = limits or ScanLimits()
        self._command = command
        self._jobs: trio.MemorySendChannel[_Job] | None = None
        self._pending: Counter[Path] = Counter()
        self.worker_pid: int | None = None  # while one runs
        self.workers_started = 0

    async def scan(self, path: Path, *, images: bool = True) -> ScanOutcome:
        """Metadata of a g-code file; `images`: also write its thumbnails into `.thumbs`.

        A file that cannot be scanned gives an outcome with `state` failed and a reason; raises
        `ScannerStopped` only. A call that is cancelled in line costs nothing.
        """
        self._pending[path] += 1
        try:
            answer = await self.ask(ScanFile(os.fsencode(path), images), self._limits.scan_s)
        finally:
            self._pending[path] -= 1
            if not self._pending[path]:
                del self._pending[path]
        if isinstance(answer, ScannedAnswer):
            return _outcome(answer)
        failed = _failure(answer)
        return ScanOutcome(
            state=ScanState.FAILED,
            reason=failed.reason,
            size_bytes=failed.size_bytes,
            mtime_ns=failed.mtime_ns,
        )

    async def unpack(
        self, package: Path, model: Path, final: Path, *, size_bytes: int = 0, plate: int = 0
    ) -> Unpacked:
        """Unpack a package: its model into the new file `model`, its image for the name `final`.

        A package of `size_bytes` gets time accordingly, without a size the most there is. `model`
        is fsynced and the caller's to rename to `final`. Raises `RewriteFailed` and
        `ScannerStopped`; `model` is gone then.
        """
        request = UnpackPackage(os.fsencode(package), os.fsencode(model), os.fsencode(final), plate)
        limit_s = self._limits.for_package(size_bytes) if size_bytes else self._limits.rewrite_s
        return await self.write(request, model, Unpacked, limit_s)

    async def add_objects(self, source: Path, target: Path) -> list[str]:
        """Write `source` with exclude_object commands into the new file `target`.

        Gives the objects' names; none means that nothing was written, because the file names no
        objects or is processed already. Raises `RewriteFailed` and `ScannerStopped`.
        """
        request = AddObjects(os.fsencode(source), os.fsencode(target))
        return (await self.write(request, target, ObjectsAdded, self._limits.rewrite_s)).names

    async def process(self, source: Path, target: Path, processor: GcodeProcessor) -> bool:
        """Write what a processor makes of `source` into the new file `target`; False: nothing.

        Raises `RewriteFailed` and `ScannerStopped`.
        """
        request = RunProcessor(os.fsencode(source), os.fsencode(target), processor)
        return (await self.write(request, target, ProcessorDone, self._limits.rewrite_s)).changed

    async def measure(self, path: Path, until: int | None) -> ExtrusionMeasured:
        """Filament that a file asks for in its first `until` bytes, or in all.

        Raises `RewriteFailed` and `ScannerStopped`.
        """
        request = MeasureExtrusion(os.fsencode(path), until)
        return await self.get(request, ExtrusionMeasured, self._limits.rewrite_s)

    def state(self, path: Path) -> ScanState | None:
        """`pending` while a scan of the path waits or runs; what came of it is the caller's."""
        return ScanState.PENDING if path in self._pending else None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do the jobs; returns only when cancelled. Callers in line get `ScannerStopped` then."""
        send, receive = trio.open_memory_channel[_Job](0)  # callers wait in line themselves
        self._jobs = send
        try:
            # Closed without a checkpoint: who is told to stop may cancel this, and a fault be lost.
            with receive:
                task_status.started()
                while True:
                    job = await receive.receive()
                    try:
                        await self._run_worker(job, receive)
                    except WorkerMissing as error:
                        job.finish(Failed(str(error), may_pass=True))
                        logger.warning("%s", error)
                    finally:
                        job.finish(None)
        finally:
            self._jobs = None

    async def _run_worker(self, first: _Job, jobs: trio.MemoryReceiveChannel[_Job]) -> None:
        """One process from its first job until it is idle or lost."""
        job: _Job | None = first
        async with open_worker(self._command, self._limits) as worker:
            self.worker_pid = worker.pid
            self.workers_started += 1
            try:
                while job is not None:
                    try:
                        job.finish(await worker.perform(job.request, job.limit_s, job.scope))
                    finally:
                        job.finish(None)
                    job = None
                    if worker.alive:
                        with trio.move_on_after(self._limits.idle_s):
                            job = await jobs.receive()
            finally:
                self.worker_pid = None

    async def write(self, request: Request, target: Path, kind: type[Done], limit_s: float) -> Done:
        """Have the new file `target` written, which is answered with a `kind`.

        Raises `RewriteFailed` and `ScannerStopped`; `target` is gone then.
        """
        try:
            return await self.get(request, kind, limit_s)
        except BaseException:
            # What a killed worker left half written.
            with trio.move_on_after(self._limits.goodbye_s, shield=True):
                remove = partial(target.unlink, missing_ok=True)
                await trio.to_thread.run_sync(remove, abandon_on_cancel=True)
            raise

    async def get(self, request: Request, kind: type[Done], limit_s: float) -> Done:
        """Have one job done that is answered with a `kind`.

        Raises `RewriteFailed` and `ScannerStopped`.
        """
        answer = await self.ask(request, limit_s)
        if isinstance(answer, kind):
            return answer
        failed = _failure(answer)
        raise RewriteFailed(failed.reason, may_pass=failed.may_pass)

    async def ask(self, request: Request, limit_s: float) -> Answer:
        """Have one job done within a limit; raises `ScannerStopped` only.

        Who is cancelled meanwhile has the job's process ended: it would work for nobody, and others
        wait.
        """
        job = _Job(request, limit_s)
        if self._jobs is None:
            raise ScannerStopped("the scanner is not running")
        try:
            await self._jobs.send(job)
        except trio.BrokenResourceError as error:
            raise ScannerStopped("the scanner was stopped") from error
        try:
            await job.done.wait()
        except trio.Cancelled:
            job.scope.cancel()
            with trio.move_on_after(self._limits.goodbye_s, shield=True):
                await job.done.wait()
            raise
        if job.answer is None:
            raise ScannerStopped("the scanner was stopped")
        return job.answer


def _outcome(answer: ScannedAnswer) -> ScanOutcome:
    if answer.images:
        answer.metadata.thumbnails = [
            ThumbnailInfo(
                image.width, image.height, image.size, ".thumbs/" + os.fsdecode(image.name)
            )
            for image in answer.images
        ]
    return ScanOutcome(
        state=ScanState.OK,
        metadata=answer.metadata,
        size_bytes=answer.size_bytes,
        mtime_ns=answer.mtime_ns,
        notes=answer.notes,
    )


def _failure(answer: Answer) -> Failed:
    """An answer that is not the one that was asked for."""
    return answer if isinstance(answer, Failed) else Failed("the scan worker answered nonsense")
