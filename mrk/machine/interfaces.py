"""The network and CAN interfaces of `machine.system_info`.

Pure; `mrk/machine/netlink.py` reads the kernel's messages.
"""

import ipaddress
from collections.abc import Iterable

import msgspec

from mrk.machine.netlink import CAN, ETHERNET, IPV4, Address, Link


class IpAddress(msgspec.Struct, frozen=True):
    """`family` is ipv4 or ipv6."""

    family: str
    address: str
    is_link_local: bool


class Interface(msgspec.Struct, frozen=True):
    """An Ethernet-like interface that is up and has an address."""

    mac_address: str
    ip_addresses: list[IpAddress]


class CanInterface(msgspec.Struct, frozen=True):
    """A CAN interface that is up; `bitrate` is -1 and `driver` unknown when not reported."""

    tx_queue_len: int
    bitrate: int
    driver: str


def network(links: Iterable[Link], addresses: Iterable[Address]) -> dict[str, Interface]:
    """Ethernet-like interfaces by name, without those that are down or have no address."""
    by_index: dict[int, list[IpAddress]] = {}
    for address in addresses:
        by_index.setdefault(address.index, []).append(_ip_address(address))
    return {
        link.name: Interface(link.mac_address, by_index[link.index])
        for link in links
        if link.kind == ETHERNET and link.works and link.index in by_index
    }


def canbus(links: Iterable[Link]) -> dict[str, CanInterface]:
    """CAN interfaces by name, without those that are down."""
    return {
        link.name: CanInterface(link.tx_queue_len, link.bitrate or -1, link.driver or "unknown")
        for link in links
        if link.kind == CAN and link.works
    }


def _ip_address(address: Address) -> IpAddress:
    return IpAddress(
        family="ipv4" if address.family == IPV4 else "ipv6",
        address=str(ipaddress.ip_address(address.packed)),
        is_link_local=address.is_link_local,
    )
