"""Writes the times of plans into g-code files: once each, whole or not at all.

The hash that a file had when it came is kept in the database beside its path, because the file has
another one afterwards.
"""

import hashlib
import os
from functools import partial
from pathlib import Path

import trio

from config.whole_file import replace_unchanged
from mrk.database.database_protocols import SqlConnection, TablesPort
from mrk.errors import ClientError
from mrk.estimate.estimate_protocols import EstimateFailed, Estimator, FileEstimate
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.time_marks import TAIL_BYTES, processed_by
from mrk.files.paths import safe_parts
from mrk.files.temporary import TOKEN_BYTES, Purpose, temporary_name
from mrk.jobs.job_protocols import JobStatePort
from nurseries.analysis.config_files import THREADS
from nurseries.analysis.program import EstimatorProgram

# For a disk to remove what was cancelled half way.
CLEAN_UP_S = 2.0


class Processing:
    """Files of the gcodes root, by their paths in it."""

    def __init__(
        self,
        gcodes: Path,
        estimator: Estimator,
        database: TablesPort,
        job_state: JobStatePort,
        *,
        limit_s: float,
    ) -> None:
        self._gcodes = gcodes
        self._estimator = estimator
        self._database = database
        self._job_state = job_state
        self._limit_s = limit_s
        self._one_at_a_time = trio.Lock()
        self._threads = trio.CapacityLimiter(THREADS)

    async def done_by(self, path: str) -> str | None:
        """The version of who wrote the times into a file; raises `ClientError`."""
        file = self._gcodes.joinpath(*safe_parts(path))
        try:
            return await trio.to_thread.run_sync(_done_by, file, limiter=self._threads)
        except (OSError, ValueError) as exc:
            raise ClientError(f"File '{path}' does not exist") from exc

    async def process(self, path: str, limits: PrinterLimits, before: str | None) -> FileEstimate:
        """Have mrk's times written into a file; its plan then. Raises `ClientError`.

        `before`: who wrote some already, so that the file is not what was uploaded.
        """
        file = self._gcodes.joinpath(*safe_parts(path))
        target = file.with_name(temporary_name(Purpose.REWRITE, os.urandom(TOKEN_BYTES)))
        async with self._one_at_a_time:
            self._check_unused(path)
            try:
                found = await self._estimator.write_times(file, target, limits, self._limit_s)
            except EstimateFailed as exc:
                raise ClientError(f"{path} cannot be processed: {exc}", 500) from exc
            status = (found.size_bytes, found.mtime_ns)
            try:
                await self._remember(path, found.sha256, found.size_bytes, before)
                self._check_unused(path)
                await trio.to_thread.run_sync(
                    _take_place, target, file, status, limiter=self._threads
                )
            except BaseException:
                with trio.move_on_after(CLEAN_UP_S, shield=True):
                    remove = partial(target.unlink, missing_ok=True)
                    await trio.to_thread.run_sync(remove, abandon_on_cancel=True)
                raise
        return found.written

    async def process_by(
        self, program: EstimatorProgram, path: str, config: Path, before: str | None
    ) -> None:
        """Have the program write its times into a file; raises `ClientError`."""
        file = self._gcodes.joinpath(*safe_parts(path))
        async with self._one_at_a_time:
            self._check_unused(path)
            sha256, size_bytes = await trio.to_thread.run_sync(_hash, file, limiter=self._threads)
            await self._remember(path, sha256, size_bytes, before)
            await program.process(file, config, self._limit_s)

    async def uploaded_as(self, path: str) -> tuple[str, int] | None:
        """Hash and size of a file before its times were written."""
        found = await self._database.run(partial(_read, path=path))
        return None if found is None else (found[0], found[1])

    async def _remember(self, path: str, sha256: str, size_bytes: int, before: str | None) -> None:
        row = (path, sha256, size_bytes)
        await self._database.run(partial(_write, row=row, first=before is None))

    def _check_unused(self, path: str) -> None:
        snapshot = self._job_state.snapshot
        if snapshot is not None and snapshot.stats.is_active and snapshot.stats.filename == path:
            raise ClientError(f"{path} is being printed", 403)


def _done_by(file: Path) -> str | None:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - TAIL_BYTES))
        return processed_by(opened.read(TAIL_BYTES))


def _take_place(target: Path, file: Path, before: tuple[int, int]) -> None:
    """Rename over the file, unless somebody has changed it meanwhile."""
    if not replace_unchanged(target, file, before):
        raise ClientError(f"{file.name} was changed while its times were written", 500)


def _hash(file: Path) -> tuple[str, int]:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest(), opened.tell()
    except OSError as exc:
        raise ClientError(f"{file.name} cannot be read: {exc.strerror}") from exc


def _read(connection: SqlConnection, path: str) -> tuple[str, int] | None:
    row = connection.execute(
        "SELECT sha256, size_bytes FROM processed_files WHERE path = ?", (path,)
    ).fetchone()
    return None if row is None else (row[0], row[1])


def _write(connection: SqlConnection, row: tuple[str, str, int], first: bool) -> None:
    conflict = "REPLACE" if first else "IGNORE"
    connection.execute(f"INSERT OR {conflict} INTO processed_files VALUES (?, ?, ?)", row)
