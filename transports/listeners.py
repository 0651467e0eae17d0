"""The listening sockets: TCP, TLS and the unix socket.

Opened once by the root, outside of all generations: a client that connects during a restart
waits in the kernel's queue and is served by the next generation. Closed at the end.
"""

import errno
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import trio

from mrk.errors import MrkError

_MAX_UNIX_PATH_BYTES = 107
_PROBE_S = 1.0


class ListenError(MrkError):
    """A socket that cannot be opened; the message says what to do about it."""


class Certificate(msgspec.Struct, frozen=True):
    """PEM files; both must exist for TLS to be served."""

    certificate: Path
    key: Path

    def exists(self) -> bool:
        """Whether both files are there."""
        return self.certificate.is_file() and self.key.is_file()


class Tls:
    """The server side of TLS with one certificate."""

    def __init__(self, files: Certificate) -> None:
        self._files = files
        self.load()

    def load(self) -> None:
        """Read the files (again: a renewed certificate serves new connections).

        Raises `ListenError` when they are no pair; what was read before then stays in use.
        """
        import ssl  # only where TLS is wanted

        # A new one: OpenSSL forgets the key of a context whose new certificate does not fit it.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self._files.certificate, self._files.key)
        except OSError as exc:  # ssl.SSLError is one
            raise ListenError(
                f"{self._files.certificate} and {self._files.key} cannot be used for TLS: {exc}. "
                "Replace them, or remove them to serve without TLS."
            ) from exc
        self._context = context

    def wrap(self, stream: trio.abc.Stream) -> trio.SSLStream[trio.abc.Stream]:
        """The stream with TLS on it, before its handshake."""
        return trio.SSLStream(stream, self._context, server_side=True, https_compatible=True)


class Listeners(msgspec.Struct, frozen=True):
    """Open listening sockets; `port` and `ssl_port` are the real ones (None: no TLS)."""

    tcp: list[trio.SocketListener]
    tls: list[trio.SocketListener]
    unix: trio.SocketListener
    port: int
    ssl_port: int | None
    tls_side: Tls | None


@asynccontextmanager
async def open_listeners(
    *,
    host: str,
    port: int,
    ssl_port: int,
    certificate: Certificate | None,
    unix_path: Path,
) -> AsyncIterator[Listeners]:
    """Listen on `host` (`all` is every IPv4 and IPv6 address) and at `unix_path`.

    A port of 0 takes a free one. TLS is served when the certificate's files exist. Raises
    `ListenError`. On leaving all sockets are closed and the unix socket's file is removed.
    """
    opened: list[trio.SocketListener] = []
    unix_file: os.stat_result | None = None
    try:
        tcp = await _tcp(host, port, opened)
        tls_side = Tls(certificate) if certificate is not None and certificate.exists() else None
        tls = [] if tls_side is None else await _tcp(host, ssl_port, opened)
        unix = await _unix(unix_path)
        opened.append(unix)
        unix_file = os.stat(unix_path)
        yield Listeners(
            tcp, tls, unix, _port(tcp), None if tls_side is None else _port(tls), tls_side
        )
    finally:
        for listener in opened:
            listener.socket.close()
        if unix_file is not None:
            _remove_own(unix_path, unix_file)


def _port(listeners: list[trio.SocketListener]) -> int:
    return int(listeners[0].socket.getsockname()[1])


async def _tcp(
    host: str, port: int, opened: list[trio.SocketListener]
) -> list[trio.SocketListener]:
    if host != "all":
        listeners = await _tcp_at(host, port)
        opened += listeners
        return listeners
    listeners = await _tcp_at("0.0.0.0", port)
    opened += listeners
    if _has_ipv6():
        more = await _tcp_at("::", _port(listeners))
        opened += more
        listeners += more
    return listeners


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def _as_bytes(host: str) -> bytes | str:
    return host.encode() if host.isascii() else host


async def _tcp_at(host: str, port: int) -> list[trio.SocketListener]:
    try:
        # Bytes: a text would load the tables of international names, 0.3 MB.
        return await trio.open_tcp_listeners(port, host=_as_bytes(host))
    except OSError as exc:
        raise ListenError(_tcp_advice(host, port, exc)) from exc


def _tcp_advice(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return f"[server] host: {host!r} is no address of this machine ({error.strerror})"
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"Port {port} is in use: another Moonraker or mrk may be running. Stop it, or "
                "set another port in [server]."
            )
        case errno.EACCES:
            return f"Port {port} needs more rights: set one above 1023 in [server]."
        case errno.EADDRNOTAVAIL:
            return f"[server] host: {host!r} is no address of this machine"
    return f"Cannot listen on {host} port {port}: {error.strerror or error}"


async def _unix(path: Path) -> trio.SocketListener:
    if len(os.fsencode(path)) > _MAX_UNIX_PATH_BYTES:
        raise ListenError(
            f"{path} is longer than {_MAX_UNIX_PATH_BYTES} bytes, too long for a unix socket: "
            "choose a shorter data folder"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        await _clear(path)
        sock = trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            await sock.bind(os.fspath(path))
            sock.listen(128)
            return trio.SocketListener(sock)
        except BaseException:
            sock.close()
            raise
    except OSError as exc:
        raise ListenError(f"Cannot listen at {path}: {exc.strerror or exc}") from exc


async def _clear(path: Path) -> None:
    """Remove a socket that a dead daemon left; never one that somebody answers at."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"{path} is no socket: move it away, mrk wants to listen there")
    if await _answers(path):
        raise ListenError(
            f"Another mrk or Moonraker answers at {path}: stop it, or use another data folder"
        )
    os.unlink(path)


async def _answers(path: Path) -> bool:
    with trio.socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        with trio.move_on_after(_PROBE_S):
            try:
                await probe.connect(os.fspath(path))
            except (ConnectionRefusedError, FileNotFoundError):
                return False
    return True  # also after a second without word: a full queue is somebody's queue


def _remove_own(path: Path, own: os.stat_result) -> None:
    """Remove the socket's file unless another daemon has put its own there since."""
    try:
        now = os.lstat(path)
    except OSError:
        return
    if (now.st_dev, now.st_ino) == (own.st_dev, own.st_ino):
        os.unlink(path)
