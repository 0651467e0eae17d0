"""TCP ports of the loopback interface for a daemon that is about to be started.

The kernel's own free port (`bind` to 0) may be lent to any outgoing connection between the question
and the start. These lie below the range that the kernel lends, and no two processes get one of them
at the same time.
"""

import os
import socket
from collections import deque

# Linux lends 32768 to 60999, other systems 49152 and more; services are assigned below 20000.
FIRST_PORT = 20000
PORTS = 12768
# Ports of a process that no other process gets: one descriptor each.
HELD_PORTS = 32


class FreePorts:
    """Ports in turn, from `turn` on; the last `HELD_PORTS` are given to no other process."""

    def __init__(self, turn: int) -> None:
        self._turn = turn
        self._held: deque[socket.socket] = deque()

    def take(self) -> int:
        """A port that nobody uses now; raises `OSError` when all are taken."""
        for _ in range(PORTS):
            port = FIRST_PORT + self._turn % PORTS
            self._turn += 1
            if _is_free(port) and (claim := _claim(port)) is not None:
                self._hold(claim)
                return port
        raise OSError(f"no free port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}")

    def _hold(self, claim: socket.socket) -> None:
        self._held.append(claim)
        if len(self._held) > HELD_PORTS:
            self._held.popleft().close()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _claim(port: int) -> socket.socket | None:
    """A name that is no file and ends with the process that holds it."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0mrk-free-port-{port}")
    except OSError:
        claim.close()
        return None
    return claim


free_port = FreePorts(os.getpid() * 97).take
