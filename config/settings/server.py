"""`[server]`: where mrk listens, where Klippy is, and how much one client may ask for.

Sizes are written in MiB and kept in bytes, times in seconds. Read by `read_server`; the
bounds hold for written values only.
"""

from pathlib import Path
from urllib.parse import quote

import msgspec

from config.config_errors import ConfigError, quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Section
from config.values import Bounds

MIB = 1024 * 1024
_PORT = Bounds(low=1, high=65535)
_SSL_PORT = Bounds(low=0, high=65535)
_UPLOAD_MIB = Bounds(low=1, high=1024 * 1024, clamps=True)
_SIZE_MIB = Bounds(low=1, high=1024, clamps=True)
_COUNT = Bounds(low=1, high=100_000, clamps=True)
_WAIT_S = Bounds(low=1, high=3600, clamps=True)


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Listening addresses, Klippy's socket and the limits of clients.

    `host` None means every IPv4 and IPv6 interface; `ssl_port` None means no HTTPS port,
    which also wants both certificate files (existing ones; None where absent).
    `route_prefix` is "" or starts with a slash, without one at its end.
    """

    host: str | None = "0.0.0.0"
    port: int = 7125
    ssl_port: int | None = 7130
    ssl_certificate_path: Path | None = None
    ssl_key_path: Path | None = None
    klippy_uds_address: Path = Path("/tmp/klippy_uds")
    route_prefix: str = ""
    # Off: trusted_proxies is empty, nobody's word about another client is believed.
    use_xheaders: bool = True
    max_upload_size_bytes: int = 1024 * MIB
    # Upstream allows 50; mrk is built for many more (the budget is 1,000 at once).
    max_websocket_connections: int = 1000
    # All TCP connections, websockets included.
    max_connections: int = 2000
    # Calls of one client that are not answered yet.
    max_requests_in_flight: int = 100
    # Calls in one JSON-RPC batch.
    max_batch_calls: int = 1000
    # Body of an ordinary request; uploads have their own limit.
    max_body_size_bytes: int = 16 * MIB
    # One websocket message from a client.
    max_message_size_bytes: int = 10 * MIB
    # What may wait to be sent to one client before it is closed.
    outbox_size_bytes: int = 4 * MIB
    # A request's head must be complete within this time.
    head_timeout_s: float = 10.0
    # Longest pause in a request's body.
    body_timeout_s: float = 60.0
    # Longest pause while sending to a client that does not read.
    send_timeout_s: float = 30.0


def read_server(reader: ConfigReader, paths: Paths) -> ServerSettings:
    """Read `[server]`; mistakes and warnings go to `reader`."""
    section = reader.section("server")
    default = ServerSettings()
    host = section.custom("host", default.host, _host)
    port = section.integer("port", default.port, _PORT)
    ssl_port = _ssl_port(section, port)
    address = section.path(
        "klippy_uds_address",
        default.klippy_uds_address,
        context={"data_path": str(paths.data)},
    )
    prefix = section.custom("route_prefix", None, _route_prefix)
    use_xheaders = section.boolean("use_xheaders", default.use_xheaders)
    limits = _limits(section, default)
    head_s = section.number("head_timeout", default.head_timeout_s, _WAIT_S)
    body_s = section.number("body_timeout", default.body_timeout_s, _WAIT_S)
    send_s = section.number("send_timeout", default.send_timeout_s, _WAIT_S)
    section.ignored("enable_debug_logging", "Use the command line switch --verbose.")
    return ServerSettings(
        host=host,
        port=port,
        ssl_port=ssl_port,
        ssl_certificate_path=_certificate(section, "ssl_certificate_path", paths.certificate),
        ssl_key_path=_certificate(section, "ssl_key_path", paths.certificate_key),
        klippy_uds_address=address,
        route_prefix=prefix or "",
        use_xheaders=use_xheaders,
        head_timeout_s=head_s,
        body_timeout_s=body_s,
        send_timeout_s=send_s,
        **limits,
    )


def _limits(section: Section, default: ServerSettings) -> dict[str, int]:
    """Counts and sizes, by field name."""

    def size(option: str, value_bytes: int, bounds: Bounds = _SIZE_MIB) -> int:
        return section.integer(option, value_bytes // MIB, bounds) * MIB

    upload = size("max_upload_size", default.max_upload_size_bytes, _UPLOAD_MIB)
    limits = {"max_upload_size_bytes": upload}
    for option in (
        "max_websocket_connections",
        "max_connections",
        "max_requests_in_flight",
        "max_batch_calls",
    ):
        limits[option] = section.integer(option, getattr(default, option), _COUNT)
    limits["max_body_size_bytes"] = size("max_body_size", default.max_body_size_bytes)
    limits["max_message_size_bytes"] = size("max_message_size", default.max_message_size_bytes)
    limits["outbox_size_bytes"] = size("outbox_size", default.outbox_size_bytes)
    return limits


def _host(text: str) -> str | None:
    if not text or any(char.isspace() for char in text):
        raise ValueError(f"{quoted(text)} is not a host (expected an address, a name or all)")
    return None if text.lower() == "all" else text


def _route_prefix(text: str) -> str:
    parts = [quote(part, safe="") for part in text.split("/") if part]
    if not parts:
        raise ValueError(f"{quoted(text)} leaves no path (expected one such as printers/one)")
    return "".join(f"/{part}" for part in parts)


def _ssl_port(section: Section, port: int) -> int | None:
    ssl_port = section.integer("ssl_port", ServerSettings().ssl_port, _SSL_PORT)
    if ssl_port == 0:
        section.warn("ssl_port", "is 0; there will be no HTTPS", mild=True)
        return None
    if ssl_port == port:
        section.warn("ssl_port", f"is the same as port ({port}); there will be no HTTPS")
        return None
    return ssl_port


def _certificate(section: Section, option: str, usual: Path) -> Path | None:
    """The existing file in the data folder, else the one the deprecated option names."""
    if not section.deprecated(option, f"Put the file, or a link to it, at {usual}."):
        return usual if usual.exists() else None
    try:
        old = section.path(option)
    except ConfigError as exc:
        section.problem(option, exc.reason)
        return None
    if usual.exists():
        return usual
    if not old.exists():
        section.warn(option, f"names a file that does not exist: {old}; there will be no HTTPS")
        return None
    return old
