"""A well-behaved client in a process of its own, timing its answers while others attack.

Run as `python -m tests.e2e.probe SOCKET PORT PID`; asks over the unix socket and over HTTP until
its standard input ends, and `LEAST` times, then prints {"count", "p99_s", "worst_s"} as JSON. What
other programs took of a wait does not count. Only the standard library: it starts quickly.
"""

import json
import select
import socket
import sys

from tests.process_clock import ProcessClock

REQUEST = b'{"jsonrpc":"2.0","method":"server.info","id":1}\x03'
HTTP_REQUEST = b"GET /server/info HTTP/1.1\r\nHost: x\r\n\r\n"
PAUSE_S = 0.003
LEAST = 20  # enough for a percentile, also where the attack was over before the probe had a turn


def timed(clock: ProcessClock, sock: socket.socket, request: bytes, end: bytes) -> float:
    """Seconds until an answer that ends so; notifications may come before it."""
    began = clock.now()
    sock.sendall(request)
    received = b""
    while not (received.endswith(end) and b"klippy_connected" in received):
        data = sock.recv(1 << 16)
        if not data:
            raise ConnectionError("the daemon closed a client that did nothing wrong")
        received += data
    return clock.waited_s(began)


def main(path: str, port: int, pid: int) -> None:
    clock = ProcessClock(pid)
    unix = socket.socket(socket.AF_UNIX)
    unix.settimeout(20)
    unix.connect(path)
    http = socket.create_connection(("127.0.0.1", port), 20)
    waits = [timed(clock, unix, REQUEST, b"\x03"), timed(clock, http, HTTP_REQUEST, b"}}")]
    print("ready", flush=True)
    waits.clear()
    while len(waits) < LEAST or not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        waits.append(timed(clock, unix, REQUEST, b"\x03"))
        waits.append(timed(clock, http, HTTP_REQUEST, b"}}"))
    waits.sort()
    p99_s = waits[int(len(waits) * 0.99)]
    print(json.dumps({"count": len(waits), "p99_s": p99_s, "worst_s": waits[-1]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
