"""Where a configuration has the daemon listen."""

import contextlib
from pathlib import Path

import msgspec

from config.load import Configuration
from config.paths import Paths
from transports.listeners import Certificate, Listeners, open_listeners


class Addresses(msgspec.Struct, frozen=True):
    """Where to listen; another value at a restart means other sockets."""

    host: str
    port: int
    ssl_port: int | None
    certificate: tuple[Path, Path] | None
    unix_path: Path

    @classmethod
    def of(cls, configuration: Configuration, paths: Paths) -> "Addresses":
        """As configured; `host` None means every interface."""
        server = configuration.settings.server
        pair = (server.ssl_certificate_path, server.ssl_key_path)
        certificate = (pair[0], pair[1]) if pair[0] and pair[1] and server.ssl_port else None
        return cls(
            server.host or "all", server.port, server.ssl_port, certificate, paths.unix_socket
        )

    def open(self) -> contextlib.AbstractAsyncContextManager[Listeners]:
        """Listen there while the block lasts; raises `ListenError`."""
        certificate = None if self.certificate is None else Certificate(*self.certificate)
        return open_listeners(
            host=self.host,
            port=self.port,
            ssl_port=self.ssl_port or 0,
            certificate=certificate,
            unix_path=self.unix_path,
        )
