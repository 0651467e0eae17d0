"""Metadata of g-code files: scanned by the worker, and kept (`stored_records.py`).

One instance per generation. `serve` loads what is stored, and writes what a full disk refused;
scans run in the task of whoever asks.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import trio

from config.whole_file import replace_unchanged
from mrk.database.database_protocols import DatabasePort
from mrk.estimate.estimate_protocols import FileTimes
from mrk.files.arrived import ArrivedFile
from mrk.files.file_protocols import UnpackedModel
from mrk.files.paths import BINARY_SUFFIX, GCODE_SUFFIXES
from mrk.files.records import modified_of
from mrk.files.temporary import Purpose
from mrk.gcode.image_names import renamed_image
from mrk.gcode.metadata import ScanOutcome, ScanState
from mrk.gcode.processors import GcodeProcessor
from nurseries.files.changes.removal import fresh_name
from nurseries.files.scan.file_digests import digest_of
from nurseries.files.scan.file_record import Record, file_record, is_true, joined
from nurseries.files.scan.packages import Packages, status_of
from nurseries.files.scan.scanner import RewriteFailed, Scanner, ScannerStopped
from nurseries.files.scan.stored_records import RETRY_S, StoredRecords
from nurseries.files.threads import Threads

logger = logging.getLogger(__name__)
THUMBS = ".thumbs"
_CLEAN_UP_S = 1.0


class MetadataStore:
    """Implements `FileMetadata` (`mrk/files/file_protocols.py`) and `JobMetadata`
    (`mrk/jobs/job_protocols.py`).

    Paths are relative to `gcodes`. New files go through `processors` first. With
    `object_processing` files get exclude_object commands.
    """

    def __init__(
        self,
        gcodes: Path,
        scanner: Scanner,
        database: DatabasePort,
        *,
        object_processing: bool = False,
        retry_s: float = RETRY_S,
    ) -> None:
        self._gcodes = gcodes
        self._scanner = scanner
        # Of their own: as many scans as a client asks for may wait for a disk that stalls.
        self._threads = Threads()
        self._packages = Packages(gcodes, scanner, self._threads)
        self._object_processing = object_processing
        self.processors: list[GcodeProcessor] = []
        self._records = StoredRecords(database, retry_s)
        self._scanning: dict[str, trio.Event] = {}
        self.times: FileTimes | None = None

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when the stored records are known; raises `ClientError` without a database."""
        await self._records.load()
        task_status.started()
        await self._records.write_later()

    # What is known

    def has(self, path: str) -> bool:
        """`FileMetadata.has`."""
        return path in self._records

    def get(self, path: str) -> Mapping[str, Any] | None:
        """The record of a file, None when there is none."""
        record = self._records.get(path)
        if record is None:
            return None
        if self._scanner.state(self._gcodes / path) is ScanState.PENDING:
            record["scan_state"] = ScanState.PENDING
        elif self.times is not None and "slicer" in record:
            self._add_times(path, record, self.times)
        return record

    def _add_times(self, path: str, record: Record, times: FileTimes) -> None:
        known = record.get("size", 0), record.get("modified", 0.0)
        if (seconds := times.estimated_time(path, *known)) is not None:
            record["estimated_time_klipper"] = round(seconds, 3)
            if (start := times.start_duration(path)) is not None:
                record["estimated_start_duration"] = round(start, 1)
        if (reason := times.trouble(path, *known)) is not None:
            record["scan_reason"] = joined([record.get("scan_reason"), reason])

    async def note_print(self, path: str, print_start_time: float, job_id: str) -> None:
        """Remember with the file when it was printed last, and as which job."""
        record = self._records.get(path)
        if record is not None:
            record["print_start_time"], record["job_id"] = print_start_time, job_id
            await self._records.keep({path: record})

    async def extruded_mm(
        self, path: str, known: Mapping[str, Any], until: int | None = None
    ) -> float | None:
        """`JobMetadata.extruded_mm`."""
        try:
            found = await self._scanner.measure(self._gcodes / path, until)
        except (RewriteFailed, ScannerStopped) as exc:
            logger.info("what %s extrudes is not known: %s", path, exc)
            return None
        modified = modified_of(found.mtime_ns)
        true = known.get("size", found.size_bytes) == found.size_bytes
        return found.used_mm if true and known.get("modified", modified) == modified else None

    # What changes

    async def request_scan(
        self, path: str, arrived: ArrivedFile | None = None, *, anew: bool = False
    ) -> Mapping[str, Any] | None:
        """Scan a file unless its record is true to its size and time; returns the record.

        `anew`: whatever is known, which stands for no answer then.
        """
        while path in self._scanning:
            await self._scanning[path].wait()
        done = self._scanning[path] = trio.Event()
        try:
            return await self._scan(path, arrived, anew)
        except ScannerStopped:
            return None if anew else self.get(path)
        finally:
            del self._scanning[path]
            done.set()

    async def _scan(self, path: str, arrived: ArrivedFile | None, anew: bool) -> Record | None:
        file = self._gcodes / path
        known = self.get(path)
        status = await self._threads.run(status_of, file)
        if status is None:
            return None
        seen = status.st_size, status.st_mtime
        if known is not None and not anew and is_true(known, seen, arrived):
            return await self._with_digest(path, dict(known), arrived)
        if file.suffix.lower() == ".ufp":
            return await self._scan_package(path, file, status)
        if not await self._process(file):
            return None
        outcome = await self._scanner.scan(file)
        if outcome.state is ScanState.OK and await self._add_objects(file, outcome):
            outcome = await self._scanner.scan(file)
        if await self._threads.run(status_of, file) is None:
            return None
        # Not as it is by now: who wrote it meanwhile has to find the record untrue.
        if outcome.mtime_ns:
            seen = (outcome.size_bytes, modified_of(outcome.mtime_ns))
        record = file_record(outcome, *seen)
        if arrived is not None:
            digest = await digest_of(file, arrived, seen, self._threads)
            record |= {} if digest is None else {"sha256": digest}
        before = self._images(path)
        await self._records.keep({path: record})
        stale = set(before).difference(self._images(path))
        await self._threads.run(_remove_images, list(stale))
        return dict(self.get(path) or record)  # with its time, or on the way to one

    async def _with_digest(self, path: str, known: Record, arrived: ArrivedFile | None) -> Record:
        """Somebody else had the file scanned, who did not know how it came."""
        if arrived is None or "sha256" in known:
            return known
        seen = known["size"], known["modified"]
        digest = await digest_of(self._gcodes / path, arrived, seen, self._threads)
        if digest is not None and (stored := self._records.get(path)) is not None:
            await self._records.keep({path: {**stored, "sha256": digest}})
            known["sha256"] = digest
        return known

    async def _scan_package(
        self, path: str, package: Path, status: os.stat_result
    ) -> Record | None:
        """A package becomes its model; one that never will is known as failed from now on."""
        reason = await self._packages.replace(package)
        if reason is None:
            return None
        failed = ScanOutcome(state=ScanState.FAILED, reason=reason)
        record = file_record(failed, status.st_size, status.st_mtime)
        await self._records.keep({path: record})
        return record

    async def unpack(self, package: Path, path: str, plate: int = 0) -> UnpackedModel | None:
        """Unpack what is to be the file `path`; returns its model, under a hidden name."""
        return await self._packages.unpack(package, path, plate)

    async def _add_objects(self, file: Path, outcome: ScanOutcome) -> bool:
        metadata = outcome.metadata
        if not self._object_processing or metadata is None or metadata.file_processors:
            return False
        try:
            return await self._rewrite(file, self._scanner.add_objects) is True
        except (RewriteFailed, OSError) as exc:
            logger.warning("%s: no objects added: %s", file.name, exc)
            return False

    async def _process(self, file: Path) -> bool:
        """Have a new file changed by what add-ons brought; one that fails leaves it as it is.

        False for a file that somebody wrote meanwhile: it is another one, whose turn comes.
        """
        for processor in self.processors if file.suffix.lower() == ".gcode" else ():
            try:
                write = partial(self._scanner.process, processor=processor)
                if await self._rewrite(file, write) is None:
                    return False
            except (RewriteFailed, OSError) as exc:
                logger.warning("%s: not processed by %s: %s", file.name, processor.name, exc)
        return True

    async def _rewrite(
        self, file: Path, write: Callable[[Path, Path], Awaitable[object]]
    ) -> bool | None:
        """Put in place of a file what `write` makes of it, if anything; whether it did.

        None: the file was changed, moved or removed meanwhile, and is left alone.
        """
        real = await self._threads.run(file.resolve)
        before = await self._threads.run(status_of, real)
        if before is None:
            return None
        target = fresh_name(real.parent, Purpose.REWRITE)
        if not await write(real, target):
            return False
        version, done = (before.st_size, before.st_mtime_ns), False
        try:
            done = await self._threads.run(replace_unchanged, target, real, version)
        finally:
            if not done:
                with trio.move_on_after(_CLEAN_UP_S, shield=True):
                    await trio.to_thread.run_sync(
                        partial(target.unlink, missing_ok=True), abandon_on_cancel=True
                    )
        return True if done else None

    async def remove(self, path: str) -> None:
        """Forget a file, or everything below a folder, and its thumbnails."""
        gone = self._records.below(path)
        # A folder took its images along; looking them up would take 80 us a file.
        images = self._images(path) if path in self._records else []
        await self._threads.run(_remove_images, images)
        await self._records.forget(gone)

    async def move(self, source: str, dest: str) -> None:
        """A file, or a folder with all that is in it, was renamed; thumbnails go with it."""
        record = self._records.get(source)
        if record is not None:
            # A folder takes its images along; a file's are renamed after it.
            await self._threads.run(_remove_images, self._images(dest))
            await self._move_images(source, dest, record)
            await self._records.keep({dest: record}, self._records.below(source))
            return
        await self._records.move_folder(source, dest)

    async def _move_images(self, source: str, dest: str, record: Record) -> None:
        renamed: dict[Path, Path] = {}
        names = [os.fsencode(PurePosixPath(path).name) for path in (source, dest)]
        own = set(self._images(source))
        for info in record.get("thumbnails", ()):
            old = (self._gcodes / source).parent / str(info.get("relative_path", ""))
            if old in own:
                name = os.fsdecode(renamed_image(os.fsencode(old.name), *names))
                renamed[old] = (self._gcodes / dest).parent / THUMBS / name
                info["relative_path"] = f"{THUMBS}/{name}"
        await self._threads.run(_rename_images, renamed)

    async def retain(self, paths: Iterable[str]) -> None:
        """Forget every file but these."""
        await self._records.retain(paths)

    # Thumbnails

    def _images(self, path: str) -> list[Path]:
        """Its own thumbnails, as far as they lie where mrk puts them.

        Records that Moonraker made may share them: `s.g` and `s.gcode` had images of one name.
        """
        names = self._listed_images(path)
        stem = str(PurePosixPath(path).with_suffix(""))
        for suffix in (*GCODE_SUFFIXES, BINARY_SUFFIX) if names else ():
            if (other := stem + suffix) != path and other in self._records:
                names -= self._listed_images(other)
        folder = (self._gcodes / path).parent
        return [folder / THUMBS / name for name in sorted(names)]

    def _listed_images(self, path: str) -> set[str]:
        record = self._records.get(path)
        listed = record.get("thumbnails", []) if record is not None else []
        paths = (PurePosixPath(str(image.get("relative_path", ""))) for image in listed)
        return {path.name for path in paths if path.parent == PurePosixPath(THUMBS)}


def _remove_images(images: list[Path]) -> None:
    for image in images:
        image.unlink(missing_ok=True)


def _rename_images(renamed: Mapping[Path, Path]) -> None:
    for source, target in renamed.items():
        try:
            target.parent.mkdir(exist_ok=True)
            os.replace(source, target)
        except OSError as exc:
            logger.debug("thumbnail %s was not moved: %s", source.name, exc)
