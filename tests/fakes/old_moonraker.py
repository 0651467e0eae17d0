"""What a Moonraker is to a take-over: a program that answers `server.info` on a socket and a port.

`python -m moonraker -d DATA` where a package of that name leads here. PORT and STATE of the print
stand in files of the data folder.
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

VERSION = "v0.11.0-0-gfake"


def answer(method: str, data: Path) -> Any:
    if method == "server.info":
        return {"moonraker_version": VERSION}
    state = data / "print_state"
    return {"status": {"print_stats": {"state": state.read_text() if state.exists() else "ready"}}}


def serve_unix(listener: socket.socket, data: Path) -> None:
    while True:
        stream, _ = listener.accept()
        held = b""
        while chunk := stream.recv(4096):
            *frames, held = (held + chunk).split(b"\x03")
            for frame in frames:
                request = json.loads(frame)
                result = answer(request["method"], data)
                told = {"jsonrpc": "2.0", "result": result, "id": request["id"]}
                stream.sendall(json.dumps({"jsonrpc": "2.0", "method": "notify_x"}).encode())
                stream.sendall(b"\x03" + json.dumps(told).encode() + b"\x03")
        stream.close()


def main() -> None:
    data = Path(sys.argv[sys.argv.index("-d") + 1] if "-d" in sys.argv
                else os.environ["MOONRAKER_DATA_PATH"])  # fmt: skip
    address = data / "comms" / "moonraker.sock"
    address.unlink(missing_ok=True)
    unix = socket.socket(socket.AF_UNIX)
    unix.bind(str(address))
    unix.listen()
    threading.Thread(target=serve_unix, args=(unix, data), daemon=True).start()
    tcp = socket.create_server(("127.0.0.1", int((data / "port").read_text())))
    while True:
        stream, _ = tcp.accept()
        stream.recv(4096)
        body = json.dumps({"result": answer("server.info", data)}).encode()
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        stream.close()


if __name__ == "__main__":
    main()
