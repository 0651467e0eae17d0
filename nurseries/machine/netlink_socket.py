"""Asks the kernel for its network interfaces and addresses over a netlink socket.

Blocks for some 50 us; call it in a thread. Holds no state. Without netlink there is nothing.
"""

import contextlib
import socket

from mrk.machine.netlink import (
    Address,
    Link,
    address_request,
    is_last,
    link_request,
    parse_addresses,
    parse_links,
)

_DEADLINE_S = 1.0
# The kernel fills at most 32 kB a datagram; more of them than this is no dump.
_DATAGRAM_BYTES = 65536
_MOST_DATAGRAMS = 64


def read_links() -> list[Link]:
    """All interfaces; empty when the kernel cannot be asked."""
    return parse_links(_dump(link_request()))


def read_addresses() -> list[Address]:
    """All addresses; empty when the kernel cannot be asked."""
    return parse_addresses(_dump(address_request()))


def _dump(request: bytes) -> bytes:
    data = b""
    with contextlib.suppress(OSError), _socket() as kernel:
        kernel.sendto(request, (0, 0))
        for _ in range(_MOST_DATAGRAMS):
            datagram = kernel.recv(_DATAGRAM_BYTES)
            data += datagram
            if is_last(datagram):
                break
    return data


def _socket() -> socket.socket:
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    kernel.settimeout(_DEADLINE_S)
    return kernel
