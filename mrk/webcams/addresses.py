"""Addresses of webcams: paths of this host completed, and the host's own addresses told.

A front end stores `/webcam/?action=snapshot`, meaning port 80 of whatever host it was loaded
from; mrk stands on that host. Pure: who listens and which addresses are ours comes in.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec

from mrk.machine.listening_ports import listening_ports

_WHOLE = r"[A-Za-z][A-Za-z0-9+.-]*://[^/]"
_PROXIED = r"/?([^/?#]+)(?:/|(?=\?)|$)(.*)"
_PORTS = {"http": 80, "https": 443, "rtsp": 554}
# Both as /proc/net/tcp and tcp6 write them: 32-bit words in the host's byte order.
_V4_LOOPBACKS = {"00000000", "0100007F", "7F000001"}
_V6_LOOPBACKS = {"0" * 32, "0" * 24 + "01000000", "0" * 31 + "1"}


class CameraLocation(msgspec.Struct, frozen=True):
    """Where a URL points: host and port, as a name look-up wants them."""

    host: str
    port: int


def completed(url: str, host_address: str | None) -> str:
    """A whole URL; a path gets the host's address (loopback when that is unknown) and port 80."""
    if not url or re.match(_WHOLE, url):
        return url
    host = host_address or "127.0.0.1"
    host = f"[{host}]" if ":" in host else host
    return f"http://{host}/{url.lstrip('/')}"


def behind_proxy(cameras: Mapping[str, str], url: str) -> str:
    """The camera's own address of a path that mrk passes on; every other URL as it is.

    `cameras` are folders by the first part of a path, as in `/webcam/?action=snapshot`.
    """
    found = None if re.match(_WHOLE, url) else re.fullmatch(_PROXIED, url)
    folder = None if found is None else cameras.get(found[1])
    return url if found is None or folder is None else folder + found[2]


def place_of(url: str) -> CameraLocation | None:
    """Host and port of a URL, None when it has none that we know."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None
    return CameraLocation(parts.hostname, port) if parts.hostname and port else None


def listening_loopback(port: int, tcp: bytes, tcp6: bytes) -> str | None:
    """The loopback address at which `port` is served; from /proc/net/tcp and tcp6 (proc(5))."""
    if port in listening_ports(tcp, _V4_LOOPBACKS):
        return "127.0.0.1"
    return "::1" if port in listening_ports(tcp6, _V6_LOOPBACKS) else None


def is_loopback(address: str) -> bool:
    """Whether an address stays on the host anyway."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def moved(url: str, address: str, port: int) -> str:
    """The same URL at another address, its port written out; a user name stays."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    host = f"[{address}]" if ":" in address else address
    netloc = f"{user}{at}{host}:{port}"
    return urlunsplit(SplitResult(parts.scheme, netloc, parts.path, parts.query, parts.fragment))
