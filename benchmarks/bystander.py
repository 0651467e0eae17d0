"""A client that wants something small while the daemon is busy with somebody else.

`open_bystander` runs it in a thread for a block: it asks server.info over the unix socket every
2 ms and times each answer. The longest wait bounds how long the event loop was held.
"""

import contextlib
import threading
import time
from collections.abc import Iterator

from benchmarks import wire
from benchmarks.clients import Client, Lost
from benchmarks.daemon import Daemon
from benchmarks.statistics import NS_PER_US, percentile

_BEAT_S = 0.002


class Bystander:
    """Its waits so far; complete once its block was left."""

    def __init__(self) -> None:
        self._latencies_ns: list[int] = []
        self._done = threading.Event()

    def p99_ms(self) -> float:
        """Time from question to answer that 99 % do not exceed."""
        return percentile(self._latencies_ns, 99) / NS_PER_US / 1000

    def worst_ms(self) -> float:
        """The longest of all."""
        return max(self._latencies_ns) / NS_PER_US / 1000

    def end(self) -> None:
        """No further question."""
        self._done.set()

    def ask(self, client: Client) -> None:
        """Ask until told to end, at least once."""
        question = client.frame(wire.rpc("server.info", "bystander"))
        with contextlib.suppress(Lost):  # whoever is measured notices too
            while True:
                began_ns = time.monotonic_ns()
                client.socket.sendall(question)
                while not client.receive():
                    pass
                self._latencies_ns.append(time.monotonic_ns() - began_ns)
                if self._done.wait(_BEAT_S):
                    return


@contextlib.contextmanager
def open_bystander(daemon: Daemon) -> Iterator[Bystander]:
    """Ask for the length of the block."""
    bystander = Bystander()
    with contextlib.closing(Client.unix(daemon.unix_socket)) as client:
        client.call("server.info")
        thread = threading.Thread(target=bystander.ask, args=(client,), name="bystander")
        thread.start()
        try:
            yield bystander
        finally:
            bystander.end()
            thread.join()


def ask_large(client: Client, request: bytes) -> bytes:
    """One answer of megabytes on the unix socket; unlike `Client.call` it is not parsed.

    Raises `Lost` for an error and at the end of the connection.
    """
    client.socket.sendall(client.frame(request))
    answer = bytearray()
    while not answer.endswith(b"\x03"):
        try:
            chunk = client.socket.recv(1_000_000)
        except TimeoutError as exc:
            raise Lost("no answer") from exc
        if not chunk:
            raise Lost("the daemon closed the connection")
        answer += chunk
    if b'"error"' in answer[:60]:
        raise Lost(answer[:500].decode(errors="replace"))
    return bytes(answer)
