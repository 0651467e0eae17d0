"""Who a request comes from when proxies stand between.

Forwarding headers are believed only from trusted proxies, and only as far as trusted hands
wrote them: the list is walked from its end, where the nearest proxy wrote. What makes no sense
counts as absent; a proxy's word that it will not say, or two words that contradict each other,
name nobody.
"""

import ipaddress
from collections.abc import Sequence

from mrk.access.judge import LOOPBACK, Network, TrustedClients

# Stands for a client whom a trusted proxy would or could not name; no rule ever trusts it.
UNKNOWN = "unknown"
Headers = Sequence[tuple[str, str]]


class ProxyRule:
    """`proxies` are the ranges of those that are believed."""

    def __init__(self, proxies: Sequence[Network] = LOOPBACK) -> None:
        self._is_proxy = TrustedClients(proxies).has_address

    def client(self, peer: str, tls: bool, headers: Headers) -> tuple[str, bool]:
        """The client's IP address as text (or `UNKNOWN`), and whether it came by TLS.

        `peer` is the other end of the connection, `tls` whether that is encrypted; header names
        are in lower case.
        """
        forwarded: list[str] = []
        real = scheme = ""
        for name, value in headers:
            if name[:2] != "x-":
                continue
            if name == "x-forwarded-for":
                forwarded.append(value)
            elif name == "x-real-ip":
                real = value
            elif name in ("x-scheme", "x-forwarded-proto"):
                scheme = value
        if not (forwarded or real or scheme) or not self._is_proxy(peer):
            return peer, tls
        secure = tls or scheme.strip().lower() == "https"
        return self._address(peer, ",".join(forwarded).split(","), real), secure

    def _address(self, peer: str, hops: list[str], real: str) -> str:
        """A proxy that writes one of the two headers passes a client's own other one on."""
        farthest, named = self._walk(hops), _plain(real)
        if farthest is None:
            return named or peer
        if named is None or named == farthest or self._is_proxy(named):
            return farthest
        return UNKNOWN

    def _walk(self, hops: list[str]) -> str | None:
        farthest = None
        for hop in reversed(hops):
            if not hop.strip():
                continue
            address = _plain(hop)
            if address is None:
                break
            farthest = address
            if not self._is_proxy(address):
                break
        return farthest


def _plain(text: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; None for what is none.

    `UNKNOWN` for the words of RFC 7239 (section 6) that hide one.
    """
    text = text.strip()
    if text.lower() == UNKNOWN or text.startswith("_"):
        return UNKNOWN
    if text.startswith("["):
        text, closed, _ = text[1:].partition("]")
        if not closed:
            return None
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
