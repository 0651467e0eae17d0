"""Who a request comes from when proxies stand between.

Forwarding headers are believed only from trusted proxies, and only as far as trusted hands
wrote them: the list is walked from its end, where the nearest proxy wrote.
"""

import ipaddress
from collections.abc import Sequence

from mrk.access.judge import LOOPBACK, Network, judge

# Stands for a client whom a trusted proxy would or could not name; no rule ever trusts it.
UNKNOWN = "unknown"


def client_address(
    peer: str, headers: Sequence[tuple[str, str]], proxies: Sequence[Network] = LOOPBACK
) -> str:
    """The client's IP address as text, `UNKNOWN` when a proxy's word for it makes no sense.

    `X-Forwarded-For` comes first: a proxy that writes only that passes a client's own
    `X-Real-Ip` on. Without either header the peer itself is the client.
    """
    forwarded, real = [], ""
    for name, value in headers:
        if name == "x-forwarded-for":
            forwarded.append(value)
        elif name == "x-real-ip":
            real = value
    if not forwarded and not real:
        return peer
    if not judge(peer, proxies):
        return peer
    if not forwarded:
        return _plain(real)
    return _nearest_stranger(",".join(forwarded).split(","), proxies)


def _nearest_stranger(hops: list[str], proxies: Sequence[Network]) -> str:
    address = UNKNOWN
    for hop in reversed(hops):
        address = _plain(hop)
        if not judge(address, proxies):
            break
    return address


def is_secure(tls: bool, peer: str, headers: Sequence[tuple[str, str]]) -> bool:
    """Whether the client itself came by TLS, here or at a trusted proxy."""
    if tls:
        return True
    said = [v for n, v in headers if n in ("x-scheme", "x-forwarded-proto")]
    return bool(said) and said[-1].strip().lower() == "https" and judge(peer, LOOPBACK)


def _plain(text: str) -> str:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1` or `[::1]:80`; else `UNKNOWN`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return UNKNOWN
