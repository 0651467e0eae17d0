"""Listening sockets that systemd opened before mrk started (socket activation, sd_listen_fds(3)).

So port 80 needs no rights of mrk's own, and who connects while mrk is being started waits. The
sockets stay open as long as the process lives: each opening takes duplicates of them.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Collection, Mapping

import trio

_FIRST = 3
# Nobody passes more; the number comes from the environment.
_MOST = 64


class Inherited:
    """By the port that each listens at; only listening TCP sockets are taken."""

    def __init__(self, sockets: Collection[socket.socket] = ()) -> None:
        self._sockets = tuple(sockets)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], pid: int) -> "Inherited":
        """Read LISTEN_PID and LISTEN_FDS; those that are meant for another process are left."""
        with contextlib.suppress(ValueError):
            if int(environ.get("LISTEN_PID", "")) == pid:
                count = min(int(environ.get("LISTEN_FDS", "")), _MOST)
                found = map(_listening, range(_FIRST, _FIRST + count))
                return cls([one for one in found if one is not None])
        return cls()

    def listeners(self, port: int) -> list[trio.SocketListener]:
        """Duplicates of those at a port, for who closes them; empty where there are none."""
        return [
            trio.SocketListener(trio.socket.from_stdlib_socket(one.dup()))
            for one in self._sockets
            if port and _port(one) == port
        ]

    def unclaimed(self, ports: Collection[int]) -> str | None:
        """A warning about those that nobody accepts on: who connects there waits for ever."""
        left = sorted({_port(one) for one in self._sockets} - set(ports))
        if not left:
            return None
        told = ", ".join(map(str, left))
        return (
            f"systemd passes a socket for port {told}, which neither [server] nor a [frontend] "
            "names: nobody is served there. Write the port into [frontend], or disable the socket."
        )


def _listening(descriptor: int) -> socket.socket | None:
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            return None
        os.set_inheritable(descriptor, False)
        found = socket.socket(fileno=descriptor)
    except OSError:
        return None
    listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if listens and found.family in (socket.AF_INET, socket.AF_INET6):
        return found
    found.detach()
    return None


def _port(one: socket.socket) -> int:
    return int(one.getsockname()[1])
