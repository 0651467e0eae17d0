"""Many clients that listen: reads them all, counts their status updates, notices who is gone.

Used where the daemon pushes and clients only take; one loop over epoll in this process.
"""

import contextlib
import select
import time
from collections.abc import Sequence

from benchmarks.clients import Client, Lost

_SILENCE_S = 10.0


class Crowd:
    """Clients, connected and set up; `statuses` counts `notify_status_update` over all."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = {client.socket.fileno(): client for client in clients}
        self._poll = select.epoll()
        self.statuses = 0
        self.lost = 0
        for descriptor, client in self._clients.items():
            client.socket.setblocking(False)
            self._poll.register(descriptor, select.EPOLLIN)

    def watch(self, descriptor: int) -> None:
        """Let `read` also return when this other descriptor is readable."""
        self._poll.register(descriptor, select.EPOLLIN)

    def read(self, for_s: float) -> set[int]:
        """Take what comes next, at most `for_s` from now; returns the ready descriptors."""
        ready = {descriptor for descriptor, _ in self._poll.poll(for_s)}
        for descriptor in ready & self._clients.keys():
            client = self._clients[descriptor]
            try:
                self.statuses += sum(b"notify_status_update" in m[:60] for m in client.receive())
            except BlockingIOError:
                continue
            except (Lost, ConnectionError):
                self.lost += 1
                self._poll.unregister(descriptor)
        return ready

    def await_statuses(self, total: int) -> None:
        """Read until `statuses` is `total`; raises `Lost` when nothing comes any more."""
        while self.statuses < total:
            if not self.read(_SILENCE_S) or self.lost:
                raise Lost(f"{self.statuses} of {total} status updates, {self.lost} clients lost")

    def drain(self, for_s: float) -> None:
        """Read for a while, answering pings."""
        end = time.monotonic() + for_s
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def close(self) -> None:
        """Stop watching; the clients stay open."""
        with contextlib.suppress(OSError):
            self._poll.close()
