"""How long a daemon let others wait, told apart from how long the machine let it wait.

Only the standard library: probes that import it start quickly.
"""

import os
import threading
import time
from pathlib import Path


class ProcessClock:
    """Seconds that passed, but for those in which other programs had the processors.

    Those are what the kernel counts while the daemon's thread (the main one, or `thread`) or the
    asking one could have run and did not.
    """

    def __init__(self, pid: int, thread: int | None = None) -> None:
        self._daemon = Path(f"/proc/{pid}/task/{thread or pid}/schedstat")

    def now(self) -> float:
        """A moment, for `waited_s`."""
        asking = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/schedstat")
        threads = {self._daemon, asking}  # one, where a test asks what runs in its own thread
        return time.perf_counter() - sum(map(_held_up_s, threads))

    def waited_s(self, began: float) -> float:
        """What passed since then."""
        return self.now() - began


def _held_up_s(schedstat: Path) -> float:
    """Also of a process that has ended and was not waited for yet."""
    return int(schedstat.read_text().split()[1]) / 1e9
