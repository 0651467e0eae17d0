"""Starts a floor program and waits until it serves; used as a contender beside mrk."""

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clients import HOST
from benchmarks.daemon import Daemon, DaemonFailed, start, stop, tail
from nurseries.process.free_ports import free_port

# Name in the table -> module.
FLOORS = {
    "floor, bytes spliced": "benchmarks.floor.bare",
    "floor, msgspec": "benchmarks.floor.stream",
}
_PATIENCE_S = 10.0


@contextlib.contextmanager
def open_floor(module: str, folder: Path, klippy: Path) -> Iterator[Daemon]:
    """Run one on a free port of loopback; raises `DaemonFailed` when it does not come up."""
    port, log = free_port(), folder / "floor.log"
    process = start([sys.executable, "-m", module, str(port), str(klippy)], log)
    try:
        limit = time.monotonic() + _PATIENCE_S
        while "ready" not in tail(log):
            if process.poll() is not None or time.monotonic() > limit:
                raise DaemonFailed(f"{module} on {HOST}:{port} did not come up\n{tail(log)}")
            time.sleep(0.01)
        yield Daemon(process, port, folder / "none", log, 0.0, 0.0)
    finally:
        stop(process)
