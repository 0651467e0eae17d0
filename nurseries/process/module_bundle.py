"""The modules of a start in one file, which the next start reads instead of seven hundred.

A start opens, reads and closes a file of byte code for each module, and asks the disk three times
about it. The bundle has all that were loaded at an earlier start, beside them in `__pycache__`;
`bundle_keeper.py` has it written. Each module is compared with its source (time and size) as Python
does with byte code; what differs, or is not in it, is imported as ever. So is everything where the
bundle is of another Python or place, where packages came or went, or where it cannot be read.
"""

import marshal
import os
import struct
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PACKAGES = ("mrk", "nurseries", "transports", "config")
HEAD = struct.Struct("<16sQ")
MAGIC = b"mrk modules 2\n\0\0"
_MOST_INDEX_BYTES = 16 * 1024 * 1024  # it is 0.2 MB; of a damaged file it may be anything
# What `marshal` makes of damaged bytes.
_DAMAGED = (EOFError, ValueError, TypeError, MemoryError, SystemError)


class BundledModule(NamedTuple):
    """A module: its source as it was, and where its byte code is behind the index."""

    path: str
    mtime_ns: int
    size_bytes: int
    is_package: bool
    cached: str  # where Python keeps its byte code
    start: int
    length: int


def bundle_path() -> Path:
    """Where the bundle of this Python is kept."""
    return Path(cache_from_source(str(ROOT / "mrk" / "modules.py"))).with_suffix(".bundle")


def fingerprint() -> tuple[bytes, int, str, tuple[tuple[str, int], ...]]:
    """What byte code depends on (the place is in it, for tracebacks), and where packages lie.

    The time of a folder changes when something is installed there, which may take the place of a
    module further down the path. The folder of the program, or where it was started, holds none.
    """
    folders = sys.path if sys.flags.safe_path else sys.path[1:]
    searched = tuple((folder, _changed_ns(folder)) for folder in folders)
    return MAGIC_NUMBER, sys.flags.optimize, str(ROOT), searched


def _changed_ns(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns
    except OSError:
        return 0


class ModuleBundle:
    """A finder of `sys.meta_path`. A file that is none raises `OSError`, `ValueError` or others."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            magic, index_bytes = HEAD.unpack(os.pread(self._descriptor, HEAD.size, 0))
            if magic != MAGIC or index_bytes > _MOST_INDEX_BYTES:
                raise ValueError("another form")
            made_for, entries = marshal.loads(os.pread(self._descriptor, index_bytes, HEAD.size))
            if made_for != fingerprint():
                raise ValueError("of another Python or place")
            self._start = HEAD.size + index_bytes
            self._entries: dict[str, BundledModule] = {
                name: BundledModule(*one) for name, one in entries
            }
        except BaseException:
            os.close(self._descriptor)
            raise

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As `sys.meta_path` wants it: None for what is not here, or not as it was."""
        entry = self._entries.get(name)
        if entry is None or not _is_as_it_was(entry):
            return None
        loader = BundledLoader(name, entry.path, self)
        spec = ModuleSpec(name, loader, origin=entry.path, is_package=entry.is_package)
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(os.path.dirname(entry.path))
        spec.has_location, spec.cached = True, entry.cached
        return spec

    def code(self, name: str) -> CodeType | None:
        """The byte code of a module, None when the file, or `close`, has let go of it."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        try:
            data = os.pread(self._descriptor, entry.length, self._start + entry.start)
            code = marshal.loads(data)
        except (OSError, *_DAMAGED):
            return None
        return code if isinstance(code, CodeType) else None

    def close(self) -> None:
        """Leave what is imported from now on to the usual finders."""
        sys.meta_path.remove(self)
        os.close(self._descriptor)
        self._descriptor = -1
        self._entries.clear()


class BundledLoader(SourceFileLoader):
    """Python's own, but for where the byte code comes from."""

    def __init__(self, name: str, path: str, bundle: ModuleBundle) -> None:
        super().__init__(name, path)
        self._bundle: ModuleBundle | None = bundle

    def get_code(self, fullname: str) -> CodeType | None:
        """From the bundle when the module is imported, as usual later."""
        bundle, self._bundle = self._bundle, None
        code = None if bundle is None else bundle.code(fullname)
        return super().get_code(fullname) if code is None else code


def _is_as_it_was(entry: BundledModule) -> bool:
    try:
        found = os.stat(entry.path)
    except OSError:
        return False
    return (found.st_mtime_ns, found.st_size) == (entry.mtime_ns, entry.size_bytes)


def use_bundle(path: Path | None = None) -> None:
    """Import from the bundle from now on, if there is one that can be read."""
    try:
        sys.meta_path.insert(0, ModuleBundle(path or bundle_path()))
    except (OSError, struct.error, *_DAMAGED):
        return


def leave_bundle() -> None:
    """What was wanted for the start is imported: hold the file no longer."""
    for finder in list(sys.meta_path):
        if isinstance(finder, ModuleBundle):
            finder.close()
