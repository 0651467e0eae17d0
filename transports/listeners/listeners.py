"""The listening sockets: TCP, TLS and the unix socket.

Opened once by the root, outside of all generations: a client that connects during a restart
waits in the kernel's queue and is served by the next generation. Closed at the end. What cannot be
had yet, an address or the unix socket's folder, keeps nobody from the others.
"""

import itertools
import logging
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from transports.listeners.inherited import Inherited
from transports.listeners.late_listener import LateListener, Listener
from transports.listeners.listen_errors import ListenError
from transports.listeners.tcp import open_more_tcp, open_tcp, port_of
from transports.listeners.tls import Certificate, Tls
from transports.listeners.unix import open_unix, remove_own

logger = logging.getLogger(__name__)


class Listeners(msgspec.Struct, frozen=True):
    """Open listening sockets; `port` and `ssl_port` are the real ones (None: no TLS).

    `tls_warning` says why there is no TLS although there is a certificate. `more_tcp` and
    `more_tls` (by port) are those of front ends; `unclaimed` tells of systemd's sockets that
    nobody accepts on.
    """

    tcp: Sequence[Listener]
    tls: Sequence[Listener]
    unix: Listener
    port: int
    ssl_port: int | None
    tls_side: Tls | None
    tls_warning: str | None = None
    more_tcp: Sequence[Listener] = ()
    more_tls: Mapping[int, Sequence[Listener]] = {}
    unclaimed: str | None = None
    # Those of all of them that may be unable to listen.
    late: Sequence[LateListener] = ()

    @property
    def warnings(self) -> list[str]:
        """Where nobody can connect yet, and why."""
        told: list[str] = []
        # Asked for with every server.info, and nearly always empty: no generator.
        for text in (self.tls_warning, self.unclaimed):
            if text is not None:
                told.append(text)
        for late in self.late:
            if late.warning is not None and late.warning not in told:
                told.append(late.warning)
        return told

    @property
    def all_tcp(self) -> list[Listener]:
        """Those of the server and of front ends, without TLS."""
        return [*self.tcp, *self.more_tcp]

    @property
    def all_tls(self) -> list[Listener]:
        """The same with TLS."""
        return [*self.tls, *itertools.chain.from_iterable(self.more_tls.values())]

    def serves_https(self, port: int) -> bool:
        """Whether clients can connect to a port with TLS now."""
        found = self.tls if port == self.ssl_port else self.more_tls.get(port, ())
        return any(_listens(listener) for listener in found)

    @property
    def reachable(self) -> bool:
        """Whether anybody can connect over TCP."""
        return any(_listens(listener) for listener in self.tcp)


def _listens(listener: Listener) -> bool:
    return not isinstance(listener, LateListener) or listener.warning is None


@asynccontextmanager
async def open_listeners(
    *,
    host: str,
    port: int,
    ssl_port: int,
    certificate: Certificate | None,
    unix_path: Path,
    more_ports: Sequence[int] = (),
    more_ssl_ports: Sequence[int] = (),
    inherited: Inherited | None = None,
) -> AsyncIterator[Listeners]:
    """Listen on `host` (`all` is every IPv4 and IPv6 address) and at `unix_path`.

    A port of 0 takes a free one; one that is among the `inherited` sockets is taken from there.
    TLS is served when the certificate's files exist and are a pair. What this machine does not have
    yet (an address, a folder that can be written), and every one of the `more_ports` of front ends
    that cannot be had, is a `LateListener`. Raises `ListenError` for what somebody else has, or
    what needs more rights. On leaving all sockets are closed and the unix socket's file is removed.
    """
    opened: list[Listener] = []
    inherited = inherited or Inherited()
    own_files: list[os.stat_result] = []
    try:
        tcp = await open_tcp(host, port, opened, inherited)
        tls_side, tls_warning = _tls_side(certificate)
        tls = [] if tls_side is None else await open_tcp(host, ssl_port, opened, inherited)
        more_tcp: list[Listener] = []
        for more in more_ports:
            more_tcp += await open_more_tcp(host, more, opened, inherited)
        more_tls = {
            more: await open_more_tcp(host, more, opened, inherited)
            for more in (more_ssl_ports if tls_side is not None else ())
        }
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
            more_tcp,
            more_tls,
            inherited.unclaimed((port, ssl_port, *more_ports, *more_ssl_ports)),
            [listener for listener in opened if isinstance(listener, LateListener)],
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
