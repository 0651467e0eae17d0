"""`[spoolman]`: the server that is told how much filament each spool has lost.

Read by `read_spoolman`; without the section nothing is reported.
"""

from urllib.parse import urlsplit

import msgspec

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Required
from config.values import Bounds

_SYNC_RATE_S = Bounds(low=1, high=3600)


class SpoolmanSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`server_url` begins with http:// or https:// and does not end with a slash."""

    server_url: str
    sync_rate_s: float = 5.0


def read_spoolman(reader: ConfigReader, paths: Paths) -> SpoolmanSettings | None:
    """Read `[spoolman]`; None without it. Mistakes and warnings go to `reader`."""
    if not reader.has("spoolman"):
        return None
    section = reader.section("spoolman")
    sync_rate_s = section.integer("sync_rate", 5, _SYNC_RATE_S)
    server_url = section.custom("server", Required("http://192.168.1.5:7912"), _server_url)
    return SpoolmanSettings(server_url=server_url, sync_rate_s=float(sync_rate_s))


def _server_url(text: str) -> str:
    url = text if "://" in text else f"http://{text}"
    url = url.rstrip("/")
    expected = "(expected an address such as http://192.168.1.5:7912)"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise ValueError(f"{quoted(text)} is not an address: {exc} {expected}") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(f"{quoted(text)} is not a web address {expected}")
    if parts.query or parts.fragment or any(char.isspace() for char in url):
        raise ValueError(f"{quoted(text)} has more than an address and a path {expected}")
    if parts.username is not None:
        raise ValueError(f"an address with a name or password in it is not supported {expected}")
    if parts.path.endswith(("/api", "/api/v1")):
        raise ValueError(f"{quoted(text)} must not contain /api: mrk adds it {expected}")
    # As the settings promise it, whatever a telephone's keyboard made of it.
    return f"{parts.scheme}{url[len(parts.scheme) :]}"
