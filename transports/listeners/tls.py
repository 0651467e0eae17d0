"""The server side of TLS, and the files that it is made of."""

from pathlib import Path

import msgspec
import trio

from transports.listeners.listen_errors import ListenError


class Certificate(msgspec.Struct, frozen=True):
    """PEM files; both must exist for TLS to be served."""

    certificate: Path
    key: Path

    def exists(self) -> bool:
        """Whether both files are there; True where that cannot be seen, which `Tls` tells."""
        try:
            return self.certificate.is_file() and self.key.is_file()
        except OSError:
            return True


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
            reason = exc if isinstance(exc, ssl.SSLError) else exc.strerror
            raise ListenError(
                f"{self._files.certificate} and {self._files.key} cannot be used for TLS: "
                f"{reason}. Replace them, or remove them to serve without TLS."
            ) from exc
        self._context = context

    def wrap(self, stream: trio.abc.Stream) -> trio.SSLStream[trio.abc.Stream]:
        """The stream with TLS on it, before its handshake."""
        return trio.SSLStream(stream, self._context, server_side=True, https_compatible=True)
