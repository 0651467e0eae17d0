"""`[server]`: where mrk listens, where Klippy is, and how much one client may ask for.

Sizes are written in MiB and kept in bytes, times in seconds. Read by `read_server`; the
bounds hold for written values only.
"""

from pathlib import Path
from urllib.parse import quote

import msgspec

from config.absent import is_absent
from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Section
from config.values import PORT, Bounds, is_host
from mrk.definitions.limits import MIB, Limits

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
    limits: Limits = Limits()


def read_server(reader: ConfigReader, paths: Paths) -> ServerSettings:
    """Read `[server]`; mistakes and warnings go to `reader`."""
    section = reader.section("server")
    default = ServerSettings()
    host = section.custom("host", default.host, _host)
    if host is not None and not is_host(host):
        said = "is no address and no name: write it alone, without quotes, http:// and port"
        section.warn("host", f"{quoted(host)} {said}")
    port = section.integer("port", default.port, PORT)
    ssl_port = _ssl_port(section, port)
    address = section.path(
        "klippy_uds_address",
        default.klippy_uds_address,
        context={"data_path": str(paths.data)},
    )
    prefix = section.custom("route_prefix", None, _route_prefix)
    use_xheaders = section.boolean("use_xheaders", default.use_xheaders)
    upload_mib = section.integer(
        "max_upload_size", default.max_upload_size_bytes // MIB, _UPLOAD_MIB
    )
    limits = _limits(section, default.limits)
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
        max_upload_size_bytes=upload_mib * MIB,
        limits=limits,
    )


def _limits(section: Section, default: Limits) -> Limits:
    """Those that can be configured; the others keep their defaults."""

    def count(option: str, value: int) -> int:
        return section.integer(option, value, _COUNT)

    def size(option: str, value_bytes: int) -> int:
        return section.integer(option, value_bytes // MIB, _SIZE_MIB) * MIB

    def wait(option: str, value_s: float) -> float:
        return section.number(option, value_s, _WAIT_S)

    return msgspec.structs.replace(
        default,
        websockets=count("max_websocket_connections", default.websockets),
        connections=count("max_connections", default.connections),
        requests_in_flight=count("max_requests_in_flight", default.requests_in_flight),
        batch_calls=count("max_batch_calls", default.batch_calls),
        body_bytes=size("max_body_size", default.body_bytes),
        message_bytes=size("max_message_size", default.message_bytes),
        outbox_bytes=size("outbox_size", default.outbox_bytes),
        head_s=wait("head_timeout", default.head_s),
        body_idle_s=wait("body_timeout", default.body_idle_s),
        send_s=wait("send_timeout", default.send_s),
    )


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
        return None if is_absent(usual) else usual
    old = section.path(option, None)
    if old is None or not is_absent(usual):
        return None if is_absent(usual) else usual
    if is_absent(old):
        section.warn(option, f"names a file that does not exist: {old}; there will be no HTTPS")
        return None
    return old
