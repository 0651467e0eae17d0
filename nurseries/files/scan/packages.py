"""Packages (UFP) into their models, by the scan worker; one that cannot be unpacked is tried once.

Part of the metadata store, without a task of its own. What was refused is known by inode, time and
size, so that an upload that is put in its place under another name is not unpacked again.
"""

import logging
import os
from pathlib import Path

from mrk.files.file_protocols import UnpackedModel
from mrk.files.temporary import Purpose
from mrk.gcode.binary.magic import MAGIC
from nurseries.files.changes.removal import fresh_name
from nurseries.files.scan.scanner import RewriteFailed, Scanner, ScannerStopped
from nurseries.files.threads import Threads

logger = logging.getLogger(__name__)
# Refusals that are remembered, the newest; those in place are kept with the metadata, too.
REFUSED_LIMIT = 500
_Identity = tuple[int, int, int]


class Packages:
    """`gcodes` is the root that models are unpacked into."""

    def __init__(self, gcodes: Path, scanner: Scanner, threads: Threads) -> None:
        self._threads = threads
        self._gcodes = gcodes
        self._scanner = scanner
        self._refused: dict[_Identity, str] = {}

    async def unpack(self, package: Path, path: str, plate: int = 0) -> UnpackedModel | None:
        """Unpack what is to be the file `path`; returns its model, under a hidden name."""
        status = await self._threads.run(status_of, package)
        if status is None or _identity(status) in self._refused:
            return None
        # Heatshrink and MeatPack take their time: 1 MB of text a second on a small board.
        is_binary = await self._threads.run(_begins_with, package, MAGIC)
        size_bytes = 0 if is_binary else status.st_size
        model = fresh_name(package.parent, Purpose.REWRITE)
        try:
            unpacked = await self._scanner.unpack(
                package, model, self._gcodes / path, size_bytes=size_bytes, plate=plate
            )
        except (RewriteFailed, ScannerStopped) as exc:
            logger.warning("%s cannot be unpacked: %s", path, exc)
            if isinstance(exc, RewriteFailed) and not exc.may_pass:
                self._remember(_identity(status), str(exc))
            return None
        return UnpackedModel(model, unpacked.others)

    async def replace(self, package: Path) -> str | None:
        """Put the model of a package in its place; why not, when trying again would not help."""
        final = package.with_suffix(".gcode")
        before = await self._threads.run(status_of, package)
        model = await self.unpack(package, str(final.relative_to(self._gcodes)))
        if model is None:
            status = await self._threads.run(status_of, package)
            return None if status is None else self._refused.get(_identity(status))
        await self._threads.run(_replace_package, model.path, final, package, before)
        return None

    def _remember(self, identity: _Identity, reason: str) -> None:
        self._refused[identity] = reason
        if len(self._refused) > REFUSED_LIMIT:
            del self._refused[next(iter(self._refused))]


def status_of(file: Path) -> os.stat_result | None:
    """In a thread: what is there; None when nothing can be looked at."""
    try:
        return file.stat()
    except OSError:
        return None


def _begins_with(file: Path, magic: bytes) -> bool:
    try:
        with open(file, "rb") as opened:
            return opened.read(len(magic)) == magic
    except OSError:
        return False


def _identity(status: os.stat_result) -> _Identity:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _replace_package(
    model: Path, final: Path, package: Path, before: os.stat_result | None
) -> None:
    """Unless there is another package by now, or none."""
    now = status_of(package)
    if now is None or before is None or _identity(now) != _identity(before):
        _discard(model)
        return
    try:
        os.replace(model, final)
        package.unlink(missing_ok=True)
    except OSError as exc:
        logger.warning("%s cannot be replaced by its model: %s", package.name, exc)
        _discard(model)


def _discard(model: Path) -> None:
    try:
        model.unlink(missing_ok=True)
    except OSError as exc:
        logger.debug("%s stays: %s", model.name, exc)
