"""A well-behaved client in a process of its own, timing its answers while others attack.

Run as `python probe.py SOCKET PORT`; asks over the unix socket and over HTTP until its standard
input ends, then prints {"count", "p99_s", "worst_s"} as JSON. Only the standard library: it
starts quickly.
"""

import json
import select
import socket
import sys
import time

REQUEST = b'{"jsonrpc":"2.0","method":"server.info","id":1}\x03'
HTTP_REQUEST = b"GET /server/info HTTP/1.1\r\nHost: x\r\n\r\n"
PAUSE_S = 0.003


def timed(sock: socket.socket, request: bytes, end: bytes) -> float:
    """Seconds until an answer that ends so; notifications may come before it."""
    began = time.perf_counter()
    sock.sendall(request)
    received = b""
    while not (received.endswith(end) and b"klippy_connected" in received):
        data = sock.recv(1 << 16)
        if not data:
            raise ConnectionError("the daemon closed a client that did nothing wrong")
        received += data
    return time.perf_counter() - began


def main(path: str, port: int) -> None:
    unix = socket.socket(socket.AF_UNIX)
    unix.settimeout(20)
    unix.connect(path)
    http = socket.create_connection(("127.0.0.1", port), 20)
    waits = [timed(unix, REQUEST, b"\x03"), timed(http, HTTP_REQUEST, b"}}")]
    print("ready", flush=True)
    waits.clear()
    while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        waits.append(timed(unix, REQUEST, b"\x03"))
        waits.append(timed(http, HTTP_REQUEST, b"}}"))
    waits.sort()
    p99_s = waits[int(len(waits) * 0.99)]
    print(json.dumps({"count": len(waits), "p99_s": p99_s, "worst_s": waits[-1]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
