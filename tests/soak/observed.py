"""`python -m tests.soak.observed FACTS [mrk's arguments]`: mrk that tells its insides on SIGUSR1.

Each signal writes one JSON document to the file FACTS: names of all Trio tasks, where threads
are, what the allocators hold and, with SOAK_TRACEMALLOC=1 in the environment, where memory was
asked for. The product itself is what it always is; only the handler is added.
"""

import collections
import ctypes
import gc
import json
import os
import signal
import sys
import threading
import traceback
import tracemalloc
from pathlib import Path
from typing import Any

import trio

_TYPES = 30
_CALLS = 4


class _Mallinfo(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd",
            "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def task_names() -> list[str]:
    """Every task below the root, by its name."""
    root = trio.lowlevel.current_root_task()
    found: list[str] = []
    waiting = [] if root is None else [root]
    while waiting:
        task = waiting.pop()
        found.append(task.name)
        waiting += (child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return sorted(found)


def allocators() -> dict[str, int]:
    """Bytes: of glibc what is used, free and mapped apart; of Python the number of blocks."""
    facts = {"python_blocks": sys.getallocatedblocks()}
    library = ctypes.CDLL(None)
    if hasattr(library, "mallinfo2"):
        library.mallinfo2.restype = _Mallinfo
        info = library.mallinfo2()
        facts |= {
            "malloc_used": info.uordblks,
            "malloc_free": info.fordblks,
            "malloc_mapped": info.hblkhd,
        }
    return facts


def stacks() -> list[str]:
    """Where every thread but the main one is, innermost call first."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    own = threading.main_thread().ident
    found = []
    for ident, frame in sys._current_frames().items():
        if ident != own:
            calls = traceback.extract_stack(frame)[: -_CALLS - 1 : -1]
            places = ", ".join(f"{Path(c.filename).name}:{c.lineno} {c.name}" for c in calls)
            found.append(f"{names.get(ident, ident)} in {places}")
    return found


def facts() -> dict[str, Any]:
    """Everything that is told."""
    told: dict[str, Any] = {"tasks": task_names(), "stacks": stacks()}
    if tracemalloc.is_tracing():
        gc.collect()
        lines = tracemalloc.take_snapshot().statistics("lineno")
        told["lines"] = {
            f"{line.traceback[0].filename}:{line.traceback[0].lineno}": [line.size, line.count]
            for line in lines[:2000]
        }
    types = collections.Counter(type(each).__qualname__ for each in gc.get_objects())
    told["objects"] = dict(types.most_common(_TYPES))
    told["allocators"] = allocators()
    return told


def main() -> None:
    """Install the handler, and be mrk."""
    path = Path(sys.argv.pop(1))

    def tell(_number: int, _frame: object) -> None:
        try:
            text = json.dumps(facts())
        except RuntimeError as exc:  # between two runs of Trio
            text = json.dumps({"error": str(exc)})
        part = path.with_suffix(".part")
        part.write_text(text)
        part.rename(path)

    if os.environ.get("SOAK_TRACEMALLOC"):
        tracemalloc.start()
    signal.signal(signal.SIGUSR1, tell)
    from mrk.__main__ import main as run_mrk

    sys.argv[0] = "mrk"
    run_mrk()


if __name__ == "__main__":
    main()
