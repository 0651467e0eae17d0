"""Listening sockets for TCP: on every address, on some, or on those that come later."""

import contextlib
import errno
import socket
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

import trio

from transports.listeners.inherited import Inherited
from transports.listeners.late_listener import RETRY_S, SELDOM_RETRY_S, LateListener, Listener
from transports.listeners.listen_errors import ListenError, NotYet

_NOT_YET = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENODEV, errno.ENETDOWN})


def port_of(listeners: Sequence[Listener], wanted: int) -> int:
    bound = [one for one in listeners if isinstance(one, trio.SocketListener)]
    return int(bound[0].socket.getsockname()[1]) if bound else wanted


async def open_tcp(
    host: str, port: int, opened: list[Listener], inherited: Inherited
) -> list[Listener]:
    """Listen at `host` (`all` is every address); what was opened joins `opened` at once."""
    before = len(opened)
    opened += inherited.listeners(port)
    if len(opened) > before:
        return opened[before:]
    for address in await _addresses(host):
        if host == "all":
            # One port for both: with 0 the first one has chosen it.
            opened += await _tcp_at(address, port_of(opened[before:], port))
        else:
            opened.append(await _tcp_or_late(host, address, port))
    return opened[before:]


async def open_more_tcp(
    host: str, port: int, opened: list[Listener], inherited: Inherited
) -> list[Listener]:
    """The same for a front end's port: whatever keeps it closed now, it is tried again."""
    before = len(opened)
    opened += inherited.listeners(port)
    if len(opened) > before:
        return opened[before:]
    for address in await _addresses(host):
        opened.append(await _more_or_late(address, port))
    return opened[before:]


async def _more_or_late(address: str, port: int) -> Listener:
    try:
        return await _first_at(address, port)
    except ListenError as exc:
        return _late(address, port, _more_advice(port, exc))


def _more_advice(port: int, error: ListenError) -> str:
    cause = error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    if number == errno.EADDRINUSE:
        said = f"Port {port} of [frontend] is in use, by nginx perhaps: stop that, and mrk takes it"
        return f"{said} (sudo systemctl disable --now nginx)."
    if number == errno.EACCES:
        said = f"Port {port} of [frontend] needs more rights: let the service have"
        return f"{said} AmbientCapabilities=CAP_NET_BIND_SERVICE, or a socket of systemd."
    return f"[frontend] port {port}: {error}"


async def _addresses(host: str) -> list[str]:
    """The addresses of a name (`all`: every address); itself when nobody knows it now."""
    if host == "all":
        return ["0.0.0.0", "::"] if _has_ipv6() else ["0.0.0.0"]
    if _is_address(host):
        return [host]
    with contextlib.suppress(socket.gaierror):
        found = await trio.socket.getaddrinfo(
            _as_bytes(host), None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        return list(dict.fromkeys(_with_scope(address) for *_, address in found))
    return [host]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _with_scope(address: tuple[Any, ...]) -> str:
    """An IPv6 address of one interface names it."""
    return f"{address[0]}%{address[3]}" if len(address) > 3 and address[3] else str(address[0])


async def _tcp_or_late(host: str, address: str, port: int) -> Listener:
    try:
        return await _first_at(address, port)
    except NotYet as exc:
        hint = "" if host.strip("\"'") == host else " (quotes are part of it: write none)"
        warning = f"{exc}{hint}: nobody can connect there until it is. Then mrk listens on it."
        return _late(address, port, warning)


def _late(address: str, port: int, warning: str) -> LateListener:
    retry_s = RETRY_S if _is_address(address) else SELDOM_RETRY_S
    return LateListener(
        f"{address} port {port}", partial(_first_at, address, port), warning, retry_s
    )


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _as_bytes(host: str) -> bytes | str:
    return host.encode() if host.isascii() else host


async def _first_at(address: str, port: int) -> trio.SocketListener:
    first, *more = await _tcp_at(address, port)
    for one in more:
        one.socket.close()  # a name that became known only now: its first address serves
    return first


async def _tcp_at(host: str, port: int) -> list[trio.SocketListener]:
    try:
        # Bytes: a text would load the tables of international names, 0.3 MB.
        return await trio.open_tcp_listeners(port, host=_as_bytes(host))
    except OSError as exc:
        kind = NotYet if isinstance(exc, socket.gaierror) or exc.errno in _NOT_YET else ListenError
        raise kind(_tcp_advice(host, port, exc)) from exc


def _tcp_advice(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"[server] host: {host!r} is not an address of this machine ({error.strerror})"
    if error.errno in _NOT_YET:
        return f"[server] host: {host!r} is not an address of this machine"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} is in use: another Moonraker or mrk may be running. Stop it, or "
                "set another port in [server]."
            )
        case errno.EACCES:
            return f"Port {port} needs more rights: set one above 1023 in [server]."
    return f"Cannot listen on {host} port {port}: {error.strerror or error}"
