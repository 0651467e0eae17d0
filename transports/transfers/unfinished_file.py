"""A file on its way in: without a name where the file system can, else hidden.

Owned by one upload; everything blocks and runs in a thread. Ends with `keep`, which gives it a
hidden name in the folder where it is wanted, or with `discard`, which leaves nothing.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable

from mrk.files.disk_space import is_full
from mrk.files.temporary import TOKEN_BYTES, Purpose, temporary_name

_COPY_BYTES = 1024 * 1024
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
_MODE = 0o666  # less the umask, as any program's files


class UnfinishedFile:
    """Made in `folder` (absolute); raises OSError, as all of its methods do.

    `nameless` False wants a hidden name from the start. `digest` is the SHA-256 of what was
    written, `size_bytes` its length.
    """

    def __init__(self, folder: str, *, nameless: bool = True) -> None:
        self.size_bytes = 0
        self._hash = hashlib.sha256()
        self._descriptor = -1
        self._name: str | None = None
        self._folder = os.open(folder, _FOLDER)
        try:
            self._open(nameless)
        except BaseException:
            self.discard()
            raise

    def _open(self, nameless: bool) -> None:
        if nameless:
            # Not every file system can (FAT, NFS, overlays of old kernels).
            with contextlib.suppress(OSError):
                flags = os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC
                self._descriptor = os.open(".", flags, _MODE, dir_fd=self._folder)
                return
        name = _hidden_name()
        self._descriptor = os.open(name, _NEW, _MODE, dir_fd=self._folder)
        self._name = name

    @property
    def digest(self) -> str:
        """Hexadecimal, lower case."""
        return self._hash.hexdigest()

    @property
    def closed(self) -> bool:
        """Whether nothing is left to clean up here."""
        return self._descriptor < 0 and self._folder < 0

    def write(self, chunks: Iterable[memoryview]) -> None:
        """Append all chunks."""
        began = self.size_bytes
        for chunk in chunks:
            self._hash.update(chunk)
            _write_all(self._descriptor, chunk)
            self.size_bytes += len(chunk)
        # Has the kernel begin to write now: the sync at the end then has little to wait for.
        written = self.size_bytes - began
        os.posix_fadvise(self._descriptor, began, written, os.POSIX_FADV_DONTNEED)

    def keep(self, folder: str) -> str:
        """Sync it and name it in `folder`, by a copy when that is another file system.

        Returns the path of the hidden file, which is the caller's from then on.
        """
        name = _hidden_name()
        target = os.open(folder, _FOLDER)
        try:
            if not self._sync_and_name(target, name):
                self._copy(target, name)
        finally:
            os.close(target)
        self._close()
        return os.path.join(folder, name)

    def _sync_and_name(self, target: int, name: str) -> bool:
        """False when the file cannot get a name there."""
        if os.fstat(target).st_dev != os.fstat(self._descriptor).st_dev:
            return False
        os.fsync(self._descriptor)
        try:
            if self._name is not None:
                os.rename(self._name, name, src_dir_fd=self._folder, dst_dir_fd=target)
                self._name = None
            else:
                source = f"/proc/self/fd/{self._descriptor}"
                # With a descriptor for the folder Python calls linkat, which follows the link.
                os.link(source, name, dst_dir_fd=target, follow_symlinks=True)
        except OSError as exc:
            if is_full(exc):
                raise
            return False  # another mount of the same device, or no /proc
        return True

    def _copy(self, target: int, name: str) -> None:
        descriptor = os.open(name, _NEW, _MODE, dir_fd=target)
        try:
            at = 0
            while data := os.pread(self._descriptor, _COPY_BYTES, at):
                _write_all(descriptor, memoryview(data))
                at += len(data)
            os.fsync(descriptor)
        except BaseException:
            os.unlink(name, dir_fd=target)
            raise
        finally:
            os.close(descriptor)
        self.discard()

    def discard(self) -> None:
        """Leave nothing; harmless when it was kept or discarded before."""
        if self._name is not None:
            with contextlib.suppress(OSError):
                os.unlink(self._name, dir_fd=self._folder)
            self._name = None
        self._close()

    def _close(self) -> None:
        for descriptor in (self._descriptor, self._folder):
            if descriptor >= 0:
                os.close(descriptor)
        self._descriptor = self._folder = -1


def _hidden_name() -> str:
    return temporary_name(Purpose.UPLOAD, os.urandom(TOKEN_BYTES))


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
