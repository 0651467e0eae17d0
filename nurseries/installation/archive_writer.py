"""Writes a backup's archive in pieces: a daemon on a small board holds no database in memory.

The manifest comes first and has the hash of every file, so each is read twice; what changed in
between is begun anew.
"""

import hashlib
import io
import os
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from mrk.errors import MrkError
from mrk.installation import backup_rules as rules
from mrk.installation.backup_rules import Manifest
from mrk.version import VERSION

# Names in the archive, and what stands there.
Members = Sequence[tuple[str, Path | bytes]]
_ATTEMPTS = 3
_PIECE_BYTES = 256 * 1024


def write_archive(
    part: Path, members: Members, links: dict[str, str], *, with_secrets: bool
) -> None:
    """Raises OSError, and `MrkError` for a file that changes all the time."""
    changed = None
    for _ in range(_ATTEMPTS):
        changed = _try_to_write(part, members, links, with_secrets)
        if changed is None:
            return
    raise MrkError(f"no backup: {changed} changes all the time")


def _try_to_write(
    part: Path, members: Members, links: dict[str, str], with_secrets: bool
) -> str | None:
    """The name of a member that changed meanwhile; None when all is written."""
    facts = {name: _facts(what) for name, what in members}
    manifest = Manifest(
        form=rules.FORM,
        version=VERSION,
        created_on=time.time(),
        with_secrets=with_secrets,
        files={name: digest for name, (digest, _size) in facts.items()},
        links=links,
    )
    first = msgspec.json.encode(manifest)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as opened:
        with tarfile.open(fileobj=opened, mode="w:gz") as archive:
            _add(archive, rules.MANIFEST, first, _facts(first), manifest.created_on)
            for name, what in members:
                if not _add(archive, name, what, facts[name], manifest.created_on):
                    return name
        opened.flush()
        os.fsync(opened.fileno())
    return None


def _facts(what: Path | bytes) -> tuple[str, int]:
    """SHA-256 and size."""
    sha256, size_bytes = hashlib.sha256(), 0
    with _opened(what) as file:
        while data := file.read(_PIECE_BYTES):
            sha256.update(data)
            size_bytes += len(data)
    return sha256.hexdigest(), size_bytes


def _opened(what: Path | bytes) -> BinaryIO:
    return io.BytesIO(what) if isinstance(what, bytes) else what.open("rb")


def _add(
    archive: tarfile.TarFile,
    name: str,
    what: Path | bytes,
    facts: tuple[str, int],
    created_on: float,
) -> bool:
    """Whether what was written is what `facts` say."""
    entry = tarfile.TarInfo(name)
    digest, entry.size = facts
    entry.mtime = int(created_on)
    entry.mode = 0o600 | (what.stat().st_mode & 0o100 if isinstance(what, Path) else 0)
    with _opened(what) as file:
        read = _Read(file)
        try:
            archive.addfile(entry, read)
        except OSError as exc:
            if exc.errno is None:  # tarfile's own: the file is shorter by now
                return False
            raise
    return read.sha256.hexdigest() == digest


class _Read(io.RawIOBase):
    """A file that is read, and the hash of what was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data
