"""What is announced over mDNS (DNS-SD, RFC 6763): our API, twice, and the front end's pages.

Pure: addresses, names and the kernel's tables come in.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address

import msgspec

from mrk.machine.listening_ports import listening_ports
from mrk.web.own_address import OwnAddress

MOONRAKER, MRK, HTTP = "_moonraker._tcp", "_mrk._tcp", "_http._tcp"
FRONTEND_PORT = 80
# Of one label of a DNS name (RFC 1035).
LABEL_BYTES = 63
# Every address, as /proc/net/tcp and tcp6 write it.
_EVERYWHERE = ("0" * 8, "0" * 32)


class AnnouncedService(msgspec.Struct, frozen=True):
    """One service instance; `instance` is for people, `txt` its TXT record."""

    type: str
    instance: str
    port: int
    txt: dict[str, str] = {}


class OwnNames(msgspec.Struct, frozen=True):
    """`unit` is our systemd unit, `host` without a domain, `uuid` 32 hexadecimal digits."""

    unit: str
    host: str
    uuid: str
    version: str

    @property
    def title(self) -> str:
        """The unit as people read it."""
        return self.unit[:1].upper() + self.unit[1:]

    @property
    def server(self) -> str:
        """The host's name in `.local`: letters, digits and hyphens."""
        return re.sub(r"[^A-Za-z0-9-]+", "-", self.host).strip("-")[:LABEL_BYTES] or "mrk"


def own_services(
    names: OwnNames, own: OwnAddress, frontend_port: int | None
) -> list[AnnouncedService]:
    """The services; a front end is announced where one is served."""
    instance = _label(f"{names.title} @ {names.host}")
    txt = {
        "uuid": names.uuid,
        "https_port": "" if own.https_port is None else str(own.https_port),
        "version": names.version,
        "route_prefix": own.route_prefix.strip("/"),
    }
    found = [AnnouncedService(kind, instance, own.port, txt) for kind in (MOONRAKER, MRK)]
    if frontend_port is not None:
        page = _label(f"Printer @ {names.host}")
        found.append(AnnouncedService(HTTP, page, frontend_port, {"path": "/"}))
    return found


def _label(text: str) -> str:
    return text.encode()[:LABEL_BYTES].decode(errors="ignore")


def announced_addresses(of_host: Iterable[str], bound: str | None) -> list[str]:
    """Of the host's addresses those at which the daemon listens and that others can reach.

    `bound` is the configured address, None for all; a name says nothing, and stands for all.
    """
    one = _address(bound or "")
    if one is not None and not one.is_unspecified:
        return [str(one)]
    known = [address for text in of_host if (address := _address(text)) is not None]
    reachable = [one for one in known if not (one.is_link_local or one.is_loopback)]
    if isinstance(one, IPv4Address):
        reachable = [one for one in reachable if one.version == 4]
    return [str(address) for address in reachable]


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def is_served(port: int, tcp: bytes, tcp6: bytes) -> bool:
    """Whether somebody listens at a port on every address; from /proc/net/tcp and tcp6."""
    return any(port in listening_ports(table, _EVERYWHERE) for table in (tcp, tcp6))
