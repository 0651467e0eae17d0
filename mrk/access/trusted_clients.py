"""Who is trusted by address: `trusted_clients`, and proxies in the same way."""

import functools
import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Of an IPv6 address with a zone; whatever is longer is none.
_CHARS = 80
LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    """Return whether `address` (text of an IP address) is in one of the ranges.

    Anything that is no address is not trusted; IPv4 mapped into IPv6 counts as IPv4.
    """
    try:
        client = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(client, ipaddress.IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    return any(client in network for network in trusted)


class TrustedClients:
    """Ranges of addresses, and host names as reverse DNS gives them (lower case)."""

    def __init__(self, networks: Sequence[Network] = (), names: Iterable[str] = ()) -> None:
        self.networks = tuple(networks)
        self.names = frozenset(names)
        # Parsing an address costs as much as a third of an API answer.
        self._remembered = functools.lru_cache(maxsize=1024)(self._decided)

    def has_address(self, address: str) -> bool:
        """Whether an address is in one of the ranges."""
        return len(address) <= _CHARS and self._remembered(address)

    def _decided(self, address: str) -> bool:
        return is_trusted(address, self.networks)

    def has_name(self, names: Iterable[str]) -> bool:
        """Whether one of a client's names is trusted."""
        return not self.names.isdisjoint(names)
