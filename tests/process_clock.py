"""How long a daemon let others wait, told apart from how long the machine let it wait.

Only the standard library: probes that import it start quickly.
"""

import contextlib
import os
import threading
import time
from pathlib import Path


class ProcessClock:
    """Seconds that passed, but for those in which other programs had the processors.

    Those are what the kernel counts while a thread of the daemon or the asking one could have run
    and did not. Each thread of the daemon counts: it may have what the main one waits for, such as
    the interpreter's lock. The daemon may be the asking process itself.
    """

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        # Nanoseconds by thread; those of threads that have ended stay.
        self._held_up: dict[str, int] = {}

    def now(self) -> float:
        """A moment, for `waited_s`. Raises `OSError` once nobody has to wait for the process."""
        found = {str(self._tasks / name) for name in os.listdir(self._tasks)}
        found.add(f"/proc/{os.getpid()}/task/{threading.get_native_id()}")
        for task in found:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                held_up = int(Path(task, "schedstat").read_text().split()[1])
                self._held_up[task] = max(held_up, self._held_up.get(task, 0))
        return time.perf_counter() - sum(self._held_up.values()) / 1e9

    def waited_s(self, began: float) -> float:
        """What passed since then."""
        return self.now() - began
