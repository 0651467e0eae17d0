"""The host's addresses, and when they change, as the kernel tells over a netlink socket."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

# linux/rtnetlink.h: RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
_GROUPS = 0x10 | 0x100
# An interface that comes up gets several addresses, one after the other.
SETTLE_S = 2.0
_FAR_AWAY = "192.0.2.1"  # RFC 5737; asking for the route to it sends nothing


def read_addresses() -> list[str]:
    """All addresses of all interfaces. Blocks for a moment."""
    import ifaddr

    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    return [ip if isinstance(ip, str) else ip[0] for ip in found]


def read_tcp_tables() -> tuple[bytes, bytes]:
    """Who listens where. Blocks for a moment."""
    tables = []
    for name in ("tcp", "tcp6"):
        try:
            tables.append(Path("/proc/net", name).read_bytes())
        except OSError:
            tables.append(b"")
    return tables[0], tables[1]


def address_towards(peer: str = _FAR_AWAY) -> str:
    """Our IPv4 address as a peer sees it; loopback without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((peer, 9))
        except OSError:
            return "127.0.0.1"
        address: str = probe.getsockname()[0]
        return address


class AddressChanges:
    """Tells when an address of the host came or went."""

    def __init__(self, kernel: socket.socket | None) -> None:
        self._kernel = kernel

    async def wait(self) -> None:
        """Return some time after the next change."""
        if self._kernel is None:
            await trio.sleep_forever()
        assert self._kernel is not None
        await trio.lowlevel.wait_readable(self._kernel)
        await trio.sleep(SETTLE_S)
        with suppress(OSError):  # also ENOBUFS: there were more than the kernel kept
            while self._kernel.recv(65536):
                pass


@contextmanager
def open_address_changes() -> Iterator[AddressChanges]:
    """Where the kernel does not tell, nothing changes."""
    kernel = None
    with suppress(OSError):
        kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        kernel.bind((0, _GROUPS))
        kernel.setblocking(False)
    try:
        yield AddressChanges(kernel)
    finally:
        if kernel is not None:
            kernel.close()
