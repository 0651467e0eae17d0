"""Where a configuration has the daemon listen."""

import contextlib
from pathlib import Path

import msgspec
import trio

from config.load import Configuration
from config.paths import Paths
from transports.listeners.inherited import Inherited
from transports.listeners.listen_errors import ListenError
from transports.listeners.listeners import Listeners, open_listeners
from transports.listeners.tls import Certificate, Tls


class Addresses(msgspec.Struct, frozen=True):
    """Where to listen; another value at a restart means other sockets."""

    host: str
    port: int
    ssl_port: int | None
    certificate: tuple[Path, Path] | None
    unix_path: Path
    more_ports: tuple[int, ...] = ()
    more_ssl_ports: tuple[int, ...] = ()

    @classmethod
    def of(cls, configuration: Configuration, paths: Paths) -> "Addresses":
        """As configured; `host` None means every interface."""
        server = configuration.settings.server
        pair = (server.ssl_certificate_path, server.ssl_key_path)
        certificate = (pair[0], pair[1]) if pair[0] and pair[1] and server.ssl_port else None
        own = {server.port, server.ssl_port, None}
        front_ends = configuration.settings.frontends
        more = dict.fromkeys(one.port for one in front_ends)
        more_ssl = dict.fromkeys(one.ssl_port for one in front_ends if certificate is not None)
        return cls(
            server.host or "all",
            server.port,
            server.ssl_port,
            certificate,
            paths.unix_socket,
            tuple(port for port in more if port is not None and port not in own),
            tuple(port for port in more_ssl if port is not None and port not in own),
        )

    async def has_tls_since(self, listeners: Listeners) -> bool:
        """Whether a certificate that could not be used when they were opened can be used now."""
        if listeners.tls_warning is None or self.certificate is None:
            return False
        try:
            await trio.to_thread.run_sync(Tls, Certificate(*self.certificate))
        except ListenError:
            return False
        return True

    def open(
        self, inherited: Inherited | None = None
    ) -> contextlib.AbstractAsyncContextManager[Listeners]:
        """Listen there while the block lasts; raises `ListenError`."""
        certificate = None if self.certificate is None else Certificate(*self.certificate)
        return open_listeners(
            host=self.host,
            port=self.port,
            ssl_port=self.ssl_port or 0,
            certificate=certificate,
            unix_path=self.unix_path,
            more_ports=self.more_ports,
            more_ssl_ports=self.more_ssl_ports,
            inherited=inherited,
        )
