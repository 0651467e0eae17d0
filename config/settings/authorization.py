"""`[authorization]`: who is trusted by address, how others log in, which web pages may ask (CORS).

Bad entries of the lists draw a warning and are skipped. Without the section, and
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

from config.config_errors import quoted
from config.paths import Paths
from config.reader import ConfigReader
from config.section import Section
from config.values import Bounds

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SOURCES = ("moonraker", "ldap")
AT_LEAST_ONE = Bounds(low=1, clamps=True)
LOGIN_DAYS = Bounds(low=1, high=36500, clamps=True)
LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))
_NAME = r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?"
_HOST_PATTERN = r"[a-z0-9_.*-]{1,253}"
_ADDRESS_LIKE = r"[0-9.]+|.*[:/].*"


class TrustedClientSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Clients that need no login: single addresses, ranges, names as reverse DNS gives them."""

    addresses: tuple[Address, ...] = ()
    networks: tuple[Network, ...] = ()
    names: tuple[str, ...] = ()


class AuthorizationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Trust and log-in.

    `cors_domains` are patterns that an `Origin` must match in full, `allowed_hosts` patterns for
    the whole host name of a `Host` header, without its port. `trusted_proxies` are believed when
    they say whom they ask for. `max_login_attempts` None is no limit.
    """

    trusted_clients: TrustedClientSettings = TrustedClientSettings(networks=LOOPBACK)
    trusted_proxies: tuple[Network, ...] = LOOPBACK
    cors_domains: tuple[re.Pattern[str], ...] = ()
    allowed_hosts: tuple[re.Pattern[str], ...] = ()
    enable_api_key: bool = True
    force_logins: bool = False
    login_timeout_days: int = 90
    max_login_attempts: int | None = None
    default_source: str = "moonraker"


def read_authorization(reader: ConfigReader, paths: Paths) -> AuthorizationSettings:
    """Read `[authorization]`; mistakes and warnings go to `reader`."""
    section = reader.section("authorization", moved_from="server")
    told = reader.has("authorization") or section.written("trusted_clients")
    trusted, bad_clients = parse_trusted_clients(section.entries("trusted_clients", []))
    written_origins = section.entries("cors_domains", [])
    origins, bad_origins = parse_cors_domains(written_origins)
    hosts, bad_hosts = parse_allowed_hosts(section.entries("allowed_hosts", []))
    proxies, bad_proxies = parse_trusted_proxies(
        section.entries("trusted_proxies", list(map(str, LOOPBACK)))
    )
    for option, reasons in (
        ("trusted_clients", bad_clients),
        ("cors_domains", bad_origins),
        ("allowed_hosts", bad_hosts),
        ("trusted_proxies", bad_proxies),
    ):
        for reason in reasons:
            section.warn(option, reason)
    reader.notes += (
        reader.templates.hidden.redact(_no_origin(entry))
        for entry in written_origins
        if _fits_no_origin(entry)
    )
    if not told:
        trusted = AuthorizationSettings().trusted_clients
    return AuthorizationSettings(
        trusted_clients=trusted,
        trusted_proxies=proxies,
        cors_domains=origins,
        allowed_hosts=hosts,
        enable_api_key=section.boolean("enable_api_key", True),
        force_logins=section.boolean("force_logins", False),
        login_timeout_days=section.integer("login_timeout", 90, LOGIN_DAYS),
        max_login_attempts=section.integer("max_login_attempts", None, AT_LEAST_ONE),
        default_source=_default_source(section),
    )


def _default_source(section: Section) -> str:
    """An unknown word is a warning, as in Moonraker."""
    word = section.text("default_source", SOURCES[0]).lower()
    if word in SOURCES:
        return word
    expected = f"expected one of {', '.join(SOURCES)}"
    section.warn("default_source", f"{quoted(word)} is unknown, {SOURCES[0]} is used ({expected})")
    return SOURCES[0]


def parse_trusted_clients(entries: list[str]) -> tuple[TrustedClientSettings, list[str]]:
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
    trusted = TrustedClientSettings(
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


def parse_trusted_proxies(entries: list[str]) -> tuple[tuple[Network, ...], list[str]]:
    """Ranges of proxies, and the reasons why other entries were skipped."""
    clients, skipped = parse_trusted_clients(entries)
    skipped += [
        f"has a bad entry, skipped: {quoted(name)} is a name (expected an address or a range)"
        for name in clients.names
    ]
    return (*clients.networks, *map(ip_network, clients.addresses)), skipped


def parse_allowed_hosts(entries: list[str]) -> tuple[tuple[re.Pattern[str], ...], list[str]]:
    """Patterns of host names, and the reasons why other entries were skipped."""
    patterns: list[re.Pattern[str]] = []
    skipped: list[str] = []
    for entry in entries:
        name = entry.lower().rstrip(".")
        if not re.fullmatch(_HOST_PATTERN, name):
            expected = "expected a host name without port, such as printer.example.com or *.lan"
            skipped.append(f"has a bad entry, skipped: {quoted(entry)} ({expected})")
            continue
        parts = [re.escape(part) for part in re.split(r"\*+", name)]
        patterns.append(re.compile(".*".join(parts)))
    return tuple(patterns), skipped


def _trusted_client(entry: str) -> Address | Network | str:
    if "/" in entry:
        try:
            return ip_network(entry)
        except ValueError as exc:
            raise ValueError(
                f"{quoted(entry)} is not a range ({_range_advice(entry, exc)})"
            ) from exc
    try:
        return ip_address(entry)
    except ValueError:
        name = entry.lower()
        if re.fullmatch(_ADDRESS_LIKE, entry) or not re.fullmatch(_NAME, name):
            expected = "expected an address, a range such as 192.168.1.0/24, or a host name"
            raise ValueError(f"{quoted(entry)} ({expected})") from None
        return name.rstrip(".")


def _range_advice(entry: str, reason: ValueError) -> str:
    try:
        meant = ip_network(entry, strict=False)
    except ValueError:
        return str(reason)
    return f"it names one address within {meant}: write the range, or the address alone"


def _fits_no_origin(entry: str) -> bool:
    """True for an entry that is no mistake and lets no page in: `printer.lan`, `http://*/page`."""
    if parse_cors_domains([entry])[1]:
        return False
    scheme, separator, host = entry.lower().partition("://")
    if separator and "*" not in scheme:
        return "/" in host
    start = entry.lower().partition("*")[0]
    return not any(known.startswith(start) for known in ("http://", "https://"))


def _no_origin(entry: str) -> str:
    return (
        f"{quoted(entry)} in cors_domains lets no page in: an origin is a scheme, a host and"
        " perhaps a port (expected one such as http://printer.lan or *.lan)."
    )


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
