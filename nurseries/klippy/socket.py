"""Opens Klipper's unix socket and asks the kernel who serves it.

Used by the link and by the bridge websocket; owns nothing.
"""

import socket

import trio
from trio.abc import Stream

from mrk.errors import Transient
from mrk.klippy.peer import UCRED, SocketPeer, parse_ucred, unit_of_cgroup


class KlippySocket:
    """The connector: `open()` gives a new stream to Klipper each time."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def open(self) -> Stream:
        """Connect; raises `Transient` when there is nobody, or no permission."""
        try:
            return await trio.open_unix_socket(self.path)
        except PermissionError as exc:
            raise Transient(f"no permission to open Klipper's socket {self.path}") from exc
        except OSError as exc:
            raise Transient(f"Klipper's socket {self.path} cannot be opened") from exc


async def read_peer(stream: Stream) -> SocketPeer | None:
    """The process at the other end; None when the stream is no local socket."""
    if not isinstance(stream, trio.SocketStream):
        return None
    try:
        peer = parse_ucred(
            stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size)
        )
        if peer.pid == 0:
            return None  # not a unix socket, or a process in another namespace
        text = await trio.Path(f"/proc/{peer.pid}/cgroup").read_text()
    except OSError:
        return None
    return SocketPeer(peer.pid, peer.uid, peer.gid, unit_of_cgroup(text))
