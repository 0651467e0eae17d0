"""Whether a request comes from somebody we trust.

The one function that every transport asks. Today trusted clients alone decide.
"""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: tuple[Network, ...] = (
    ipaddress.ip_network("127.0.0.0/8"),
    ipaddress.ip_network("::1/128"),
)


def judge(address: str, trusted: Sequence[Network]) -> bool:
    """Return whether the client at `address` (text of an IP address) is authorized.

    Anything that is no address is not trusted; IPv4 mapped into IPv6 counts as IPv4.
    """
    try:
        client = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(client, ipaddress.IPv6Address) and client.ipv4_mapped is not None:
        client = client.ipv4_mapped
    return any(client.version == network.version and client in network for network in trusted)
