"""Asks a daemon of any make on its unix socket and its port whether it answers.

Both make a restored Moonraker and a new mrk answer alike, whoever is let in from where.
"""

import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

import msgspec

from mrk.errors import MrkError

_ANSWER_S = 5.0
_AGAIN_S = 0.25
_LIMIT_BYTES = 16 * 1024 * 1024
_ETX = b"\x03"
_WILDCARDS = ("0.0.0.0", "::", "all")


def ask(unix_socket: Path, method: str, **params: Any) -> Any:
    """Call a method on the daemon's unix socket; raises `MrkError`."""
    request = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
    try:
        answer = exchange(unix_socket, request)
    except (OSError, ValueError) as exc:
        raise MrkError(f"{unix_socket}: {exc}") from exc
    if "result" not in answer:
        raise MrkError(f"{method}: {answer.get('error')}")
    return answer["result"]


def exchange(unix_socket: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request with the id 1, of Klipper too; raises `OSError`, `ValueError`."""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(_ANSWER_S)
        stream.connect(str(unix_socket))
        stream.sendall(json.dumps(request).encode() + _ETX)
        return _answer(stream)


def printing(unix_socket: Path) -> str | None:
    """The state of a print that must not be disturbed; None when there is none, or nobody asked."""
    with contextlib.suppress(MrkError):
        objects = {"print_stats": ["state"]}
        found = ask(unix_socket, "printer.objects.query", objects=objects)
        state = found.get("status", {}).get("print_stats", {}).get("state")
        if state in ("printing", "paused"):
            return str(state)
    return None


def refuse_while_printing(unix_socket: Path, doing: str) -> None:
    """Raises `MrkError` during a print; `doing` is what has to wait for its end."""
    state = printing(unix_socket)
    if state is not None:
        raise MrkError(f"the printer is {state}: {doing} when the print has ended")


class HttpAddress(msgspec.Struct, frozen=True):
    """Where a daemon answers HTTP: `[server] host`, `port` and `route_prefix`."""

    host: str | None
    port: int
    route_prefix: str = ""


def answers_on(where: HttpAddress) -> bool:
    """Whether HTTP is answered there; with 401 too, since this host may not be trusted."""
    address = "127.0.0.1" if where.host in (None, "", *_WILDCARDS) else where.host
    # `localhost` is this host at any address; that of IPv6 would want brackets.
    request = (
        f"GET {where.route_prefix}/server/info HTTP/1.1\r\n"
        "Host: localhost\r\nConnection: close\r\n\r\n"
    )
    try:
        with socket.create_connection((address, where.port), timeout=_ANSWER_S) as stream:
            stream.settimeout(_ANSWER_S)
            stream.sendall(request.encode())
            head = stream.recv(4096).split(b"\r\n")[0].split()
    except OSError:
        return False
    return len(head) > 1 and head[0].startswith(b"HTTP/") and head[1] in (b"200", b"401", b"403")


def wait_for_daemon(
    unix_socket: Path, where: HttpAddress, patience_s: float, *, is_mrk: bool
) -> str | None:
    """Wait until `server.info` comes from mrk, or from another; what was missing, or None."""
    limit = time.monotonic() + patience_s
    while True:
        reason = _missing(unix_socket, where, is_mrk)
        if reason is None or time.monotonic() > limit:
            return reason
        time.sleep(_AGAIN_S)


def _missing(unix_socket: Path, where: HttpAddress, is_mrk: bool) -> str | None:
    try:
        version = str(ask(unix_socket, "server.info").get("moonraker_version"))
    except MrkError as exc:
        return str(exc)
    if ("-mrk-" in version) is not is_mrk:
        return f"{unix_socket} is answered by version {version}"
    if answers_on(where):
        return None
    address = f"port {where.port}" + (f" of {where.host}" if where.host else "")
    return f"{address} does not answer {where.route_prefix}/server/info"


def _answer(stream: socket.socket) -> dict[str, Any]:
    """The answer to request 1; notifications before it are passed over."""
    held = b""
    limit = time.monotonic() + _ANSWER_S
    while time.monotonic() < limit:
        data = stream.recv(65536)
        held += data
        *frames, held = held.split(_ETX)
        for frame in frames:
            message = json.loads(frame)
            if isinstance(message, dict) and message.get("id") == 1:
                return message
        if not data or len(held) > _LIMIT_BYTES:
            raise ValueError("the connection ended without an answer")
    raise ValueError(f"no answer within {_ANSWER_S:.0f} s")
