"""`[authorization]`: who is trusted by address, and which web pages may ask (CORS).

Bad entries of the two lists draw a warning and are skipped. Without the section, and
without `trusted_clients` in its old home `[server]`, loopback is trusted and nobody else.
"""

import re
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import msgspec

from config.errors import quoted
from config.paths import Paths
from config.reader import Reader

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_ADDRESS_LIKE = re.compile(r"[0-9.]+|.*[:/].*")


class TrustedClients(msgspec.Struct, frozen=True, kw_only=True):
    """Clients that need no login: single addresses, ranges, names as reverse DNS gives them."""

    addresses: tuple[Address, ...] = ()
    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()


class AuthorizationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Trust by address, and allowed origins: patterns that an `Origin` must match in full."""

    trusted_clients: TrustedClients = TrustedClients(networks=LOOPBACK)
    cors_domains: tuple[re.Pattern[str], ...] = ()


def read_authorization(reader: Reader, paths: Paths) -> AuthorizationSettings:
    """Read `[authorization]`; mistakes and warnings go to `reader`."""
    section = reader.section("authorization", moved_from="server")
    told = reader.has("authorization") or section.written("trusted_clients")
    trusted, bad_clients = parse_trusted_clients(section.items("trusted_clients", []))
    origins, bad_origins = parse_cors_domains(section.items("cors_domains", []))
    for reason in bad_clients:
        section.warn("trusted_clients", reason)
    for reason in bad_origins:
        section.warn("cors_domains", reason)
    if not told:
        trusted = AuthorizationSettings().trusted_clients
    return AuthorizationSettings(trusted_clients=trusted, cors_domains=origins)


def parse_trusted_clients(entries: list[str]) -> tuple[TrustedClients, list[str]]:
    """The entries by kind, and the reasons why others were skipped."""
    addresses: list[Address] = []
    networks: list[Network] = []
    names: list[str] = []
    skipped: list[str] = []
    for entry in entries:
        try:
            parsed = _trusted_client(entry)
        except ValueError as exc:
            skipped.append(f"has a bad entry, skipped: {exc}")
            continue
        if isinstance(parsed, str):
            names.append(parsed)
        elif isinstance(parsed, IPv4Address | IPv6Address):
            addresses.append(parsed)
        else:
            networks.append(parsed)
    trusted = TrustedClients(
        addresses=tuple(addresses), networks=tuple(networks), names=tuple(names)
    )
    return trusted, skipped


def parse_cors_domains(entries: list[str]) -> tuple[tuple[re.Pattern[str], ...], list[str]]:
    """Patterns of allowed origins, and the reasons why other entries were skipped."""
    patterns: list[re.Pattern[str]] = []
    skipped: list[str] = []
    for entry in entries:
        try:
            patterns.append(_origin_pattern(entry))
        except ValueError as exc:
            skipped.append(f"has a bad entry, skipped: {exc}")
    return tuple(patterns), skipped


def _trusted_client(entry: str) -> Address | Network | str:
    if "/" in entry:
        try:
            return ip_network(entry)
        except ValueError as exc:
            raise ValueError(f"{quoted(entry)} is not a range ({exc})") from exc
    try:
        return ip_address(entry)
    except ValueError:
        name = entry.lower()
        if _ADDRESS_LIKE.fullmatch(entry) or not _NAME.fullmatch(name):
            expected = "expected an address, a range such as 192.168.1.0/24, or a host name"
            raise ValueError(f"{quoted(entry)} ({expected})") from None
        return name.rstrip(".")


def _origin_pattern(entry: str) -> re.Pattern[str]:
    if entry.endswith("/"):
        raise ValueError(f"{quoted(entry)} ends in a slash")
    if any(char.isspace() for char in entry):
        raise ValueError(f"{quoted(entry)} has a blank in it")
    host = entry.partition("://")[2] or entry
    host = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    if "." in host and "*" in host.rpartition(".")[2]:
        raise ValueError(f"{quoted(entry)} has a wildcard in the top-level domain")
    parts = [re.escape(part) for part in re.split(r"\*+", entry)]
    return re.compile(".*".join(parts), re.IGNORECASE)
