"""The listening sockets: TCP, TLS and the unix socket.

Opened once by the root, outside of all generations: a client that connects during a restart
waits in the kernel's queue and is served by the next generation. Closed at the end. What cannot be
had yet, an address or the unix socket's folder, keeps nobody from the others.
"""

import logging
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from transports.listeners.late_listener import LateListener, Listener
from transports.listeners.listen_errors import ListenError
from transports.listeners.tcp import open_tcp, port_of
from transports.listeners.tls import Certificate, Tls
from transports.listeners.unix import open_unix, remove_own

logger = logging.getLogger(__name__)


class Listeners(msgspec.Struct, frozen=True):
    """Open listening sockets; `port` and `ssl_port` are the real ones (None: no TLS).

    `tls_warning` says why there is no TLS although there is a certificate.
    """

    tcp: Sequence[Listener]
    tls: Sequence[Listener]
    unix: Listener
    port: int
    ssl_port: int | None
    tls_side: Tls | None
    tls_warning: str | None = None

    @property
    def warnings(self) -> list[str]:
        """Where nobody can connect yet, and why."""
        told = [self.tls_warning]
        for listener in (*self.tcp, *self.tls, self.unix):
            if isinstance(listener, LateListener):
                told.append(listener.warning)
        return list(dict.fromkeys(text for text in told if text is not None))

    @property
    def reachable(self) -> bool:
        """Whether anybody can connect over TCP."""
        return any(
            not isinstance(listener, LateListener) or listener.warning is None
            for listener in self.tcp
        )


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

    A port of 0 takes a free one. TLS is served when the certificate's files exist and are a pair.
    What this machine does not have yet (an address, a folder that can be written) is a
    `LateListener`. Raises `ListenError` for what somebody else has, or what needs more rights. On
    leaving all sockets are closed and the unix socket's file is removed.
    """
    opened: list[Listener] = []
    own_files: list[os.stat_result] = []
    try:
        tcp = await open_tcp(host, port, opened)
        tls_side, tls_warning = _tls_side(certificate)
        tls = [] if tls_side is None else await open_tcp(host, ssl_port, opened)
        unix = await open_unix(unix_path, own_files)
        opened.append(unix)
        listeners = Listeners(
            tcp,
            tls,
            unix,
            port_of(tcp, port),
            None if tls_side is None else port_of(tls, ssl_port),
            tls_side,
            tls_warning,
        )
        for warning in listeners.warnings:
            logger.warning("%s", warning)
        yield listeners
    finally:
        for listener in opened:
            if isinstance(listener, LateListener):
                listener.close()
            else:
                listener.socket.close()
        for own in own_files:
            remove_own(unix_path, own)


def _tls_side(certificate: Certificate | None) -> tuple[Tls | None, str | None]:
    if certificate is None or not certificate.exists():
        return None, None
    try:
        return Tls(certificate), None
    except ListenError as exc:
        return None, f"There is no HTTPS: {exc}"
