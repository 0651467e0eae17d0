"""Writes the bundle of modules (`module_bundle.py`); a process of its own, since it takes memory.

Run as `python -P -m nurseries.process.bundle_writer`, with the names of modules on standard input,
one a line; ends with 1 and a line on standard error when the folder cannot be written.
"""

import errno
import importlib.util
import marshal
import os
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader

from config.whole_file import write_whole
from nurseries.process.module_bundle import (
    HEAD,
    MAGIC,
    PACKAGES,
    BundledModule,
    bundle_path,
    fingerprint,
)


def bundle_of(names: Iterable[str]) -> bytes:
    """The bundle of these modules, as far as they are files with a source.

    An update may replace them meanwhile: what says how things were is read before the code is.
    """
    made_for = fingerprint()
    entries: list[tuple[str, BundledModule]] = []
    blobs: list[bytes] = []
    start = 0
    for name in names:
        spec = _spec(name)
        if spec is None or spec.origin is None or not isinstance(spec.loader, SourceFileLoader):
            continue
        source = os.stat(spec.origin)
        blob = marshal.dumps(spec.loader.get_code(name))
        entries.append((name, _entry(spec, source, start, len(blob))))
        blobs.append(blob)
        start += len(blob)
    index = marshal.dumps((made_for, [(name, tuple(entry)) for name, entry in entries]))
    return b"".join([HEAD.pack(MAGIC, len(index)), index, *blobs])


def _entry(spec: ModuleSpec, source: os.stat_result, start: int, length: int) -> BundledModule:
    is_package = spec.submodule_search_locations is not None
    when, size, cached = source.st_mtime_ns, source.st_size, spec.cached or ""
    return BundledModule(spec.origin or "", when, size, is_package, cached, start, length)


def _spec(name: str) -> ModuleSpec | None:
    ours = name.partition(".")[0] in PACKAGES
    return importlib.util.find_spec(name) if ours else _spec_of_another(name)


def _spec_of_another(name: str) -> ModuleSpec | None:
    """Where the path has it; no package is imported for that, since it may do anything then."""
    parts, folders = name.split("."), None
    for count in range(1, len(parts)):
        package = PathFinder.find_spec(".".join(parts[:count]), folders)
        if package is None or package.submodule_search_locations is None:
            return None
        folders = list(package.submodule_search_locations)
    return PathFinder.find_spec(name, folders)


def main() -> int:
    """Returns the exit code."""
    os.nice(19)
    path = bundle_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True):
            # Before seconds are spent on what cannot be kept, at each start again.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        write_whole(path, bundle_of(sys.stdin.read().split()))
    except OSError as exc:
        print(f"{path}: {exc.strerror or exc}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
