"""Who a request comes from when proxies stand between.

Headers with the client's address are believed only from trusted proxies, and only as far as these
wrote them: a list is walked from its end, where the nearest proxy wrote. They never raise
trust by being wrong: a request that came through a proxy and does not say clearly whose it is,
is nobody's, and so is one that anybody but a trusted proxy passed on.
"""

import ipaddress
from collections.abc import Sequence
from typing import NamedTuple

from mrk.access.trusted_clients import LOOPBACK, Network, TrustedClients

# Stands for a client whom a trusted proxy would or could not name; no rule ever trusts it.
UNKNOWN = "unknown"
Headers = Sequence[tuple[str, str]]

# A request that carries one of these was passed on by somebody. X-Forwarded-Proto and -Host are
# left out: what tunnels its own, authenticated users to this machine sends them alone.
_PASSED_ON = frozenset(
    {
        "x-forwarded-for",
        "x-real-ip",
        "forwarded",
        "via",
        "x-client-ip",
        "x-cluster-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
    }
)
_SCHEME = ("x-scheme", "x-forwarded-proto")


class RequestOrigin(NamedTuple):
    """`address` as text, or `UNKNOWN`; `secure`: it came by TLS.

    `untrusted_proxy`: whoever has this address asks for somebody else, and is no trusted proxy.
    """

    address: str
    secure: bool
    untrusted_proxy: bool = False


def counted_as(address: str) -> str:
    """An address as it is counted: who has IPv6 has a whole /64."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class ProxyRule:
    """`proxies` are the ranges of those that are believed; without any nobody is."""

    def __init__(self, proxies: Sequence[Network] = LOOPBACK) -> None:
        self._is_proxy = TrustedClients(proxies).has_address

    def client(self, peer: str, tls: bool, headers: Headers) -> RequestOrigin:
        """Who asks, as far as that can be believed.

        `peer` is the other end of the connection, `tls` whether that is encrypted; header names
        are in lower case.
        """
        passed_on = False
        scheme = ""
        for name, value in headers:
            if name in _PASSED_ON:
                passed_on = True
            elif name in _SCHEME:
                scheme = value
        if not (passed_on or scheme):
            return RequestOrigin(peer, tls)
        if not self._is_proxy(peer):
            return RequestOrigin(peer, tls, passed_on)
        secure = tls or scheme.strip().lower() == "https"
        if not passed_on:
            return RequestOrigin(peer, secure)
        address, untrusted_proxy = self._named(headers)
        return RequestOrigin(address, secure, untrusted_proxy)

    def _named(self, headers: Headers) -> tuple[str, bool]:
        """The one client that all headers name, and whether it is an untrusted proxy.

        A proxy that writes one of them passes a client's own others on: they have to agree, and
        where one names but a proxy the more distant client counts.
        """
        lists = [_list(_values(headers, "x-forwarded-for")), _forwarded(headers)]
        lists += [[value] for value in _values(headers, "x-real-ip")]
        told = [self._walk(hops) for hops in lists if hops]
        if not told:
            return UNKNOWN, False
        farthest, untrusted_proxy = told[0]
        for address, also_untrusted in told[1:]:
            if address != farthest and not self._is_proxy(address):
                return UNKNOWN, False
            untrusted_proxy = untrusted_proxy or also_untrusted
        return farthest, untrusted_proxy

    def _walk(self, hops: list[str]) -> tuple[str, bool]:
        """The first hop from the right that is no trusted proxy, and whether others stand behind.

        Only trusted proxies: the farthest of them. Empty places are passed over.
        """
        farthest = UNKNOWN
        hops = [hop for hop in hops if hop.strip()]
        while hops:
            farthest = _plain(hops.pop())
            if not self._is_proxy(farthest):
                return farthest, bool(hops) and farthest != UNKNOWN
        return farthest, False


def _values(headers: Headers, wanted: str) -> list[str]:
    return [value for name, value in headers if name == wanted]


def _list(values: list[str]) -> list[str]:
    """The entries of a header that stands there once or more; none when it is absent."""
    return ",".join(values).split(",") if values else []


def _forwarded(headers: Headers) -> list[str]:
    """The `for` of each element of `Forwarded` (RFC 7239, section 4); `UNKNOWN` where it lacks."""
    return [_for(element) for element in _list(_values(headers, "forwarded"))]


def _for(element: str) -> str:
    for pair in element.split(";"):
        key, _, value = pair.partition("=")
        if key.strip().lower() == "for":
            return value.strip().strip('"') or UNKNOWN
    return UNKNOWN if element.strip() else ""


def _plain(text: str) -> str:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; `UNKNOWN` for what is none.

    Such are `unix:`, which proxies write for a client on a unix socket, and the words of RFC 7239
    (section 6) that hide one.
    """
    text = text.strip()
    if text.startswith("["):
        text, closed, _ = text[1:].partition("]")
        if not closed:
            return UNKNOWN
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return UNKNOWN
