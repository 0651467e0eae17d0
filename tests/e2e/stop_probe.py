"""A second client that asks for an emergency stop and for `server.info` while others flood.

Run as `python -m tests.e2e.stop_probe SOCKET PORT PID`; asks until its standard input ends, then
prints the worst wait for each way as JSON, but for what other programs took, so that a busy machine
is not told as a slow daemon. Only the standard library: it starts quickly.
"""

import json
import select
import socket
import sys

from tests.process_clock import ProcessClock

PAUSE_S = 0.005
STOP, INFO = b"printer.emergency_stop", b"server.info"
PATHS = {STOP: b"POST /printer/emergency_stop", INFO: b"GET /server/info"}


def over_unix(sock: socket.socket, method: bytes) -> None:
    sock.sendall(b'{"jsonrpc":"2.0","method":"%b","id":77}\x03' % method)
    received = b""
    while b'"id":77}\x03' not in received:  # notifications may come before it
        data = sock.recv(1 << 16)
        if not data:
            raise ConnectionError("the daemon closed a client that did nothing wrong")
        received += data


def over_http(port: int, method: bytes) -> None:
    """On a connection of its own, as a page that is just being opened has it."""
    with socket.create_connection(("127.0.0.1", port), 20) as sock:
        sock.settimeout(20)
        sock.sendall(PATHS[method] + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        answer = sock.recv(1 << 16)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise ConnectionError(answer.decode())


def main(path: str, port: int, pid: int) -> None:
    clock = ProcessClock(pid)
    unix = socket.socket(socket.AF_UNIX)
    unix.settimeout(20)
    unix.connect(path)
    worst: dict[str, float] = {}
    count = 0
    print("ready", flush=True)
    while not count or not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        for method in (STOP, INFO):
            for way, ask in (
                ("unix", lambda method=method: over_unix(unix, method)),
                ("http", lambda method=method: over_http(port, method)),
            ):
                began = clock.now()
                ask()
                name = f"{method.decode()} {way}"
                worst[name] = max(worst.get(name, 0.0), clock.waited_s(began))
                count += 1
    print(json.dumps({"count": count, "worst_s": worst}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
