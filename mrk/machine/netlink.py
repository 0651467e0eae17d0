"""Dumps of network interfaces and addresses over a rtnetlink socket: requests out, messages in.

Pure: bytes in, values out. Formats: netlink(7), rtnetlink(7), linux/if_link.h, linux/if_addr.h,
linux/can/netlink.h. Numbers are in the host's byte order.
"""

import struct
from collections.abc import Iterator

import msgspec

_HEADER = struct.Struct("=LHHLL")  # length, type, flags, sequence, port
_LINK = struct.Struct("=BxHiLL")  # family, hardware type, index, flags, change
_ADDRESS = struct.Struct("=BBBBL")  # family, prefix length, flags, scope, index
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_U32 = struct.Struct("=L")
_ERROR, _DONE = 2, 3
_NEW_LINK, _GET_LINK, _NEW_ADDRESS, _GET_ADDRESS = 16, 18, 20, 22
_REQUEST_DUMP = 0x301
_IFF_UP = 1
# Attributes of a link, of its LINKINFO, of CAN's INFO_DATA, of an address.
_MAC, _NAME, _QUEUE_LENGTH, _OPERATION, _LINK_INFO = 1, 3, 13, 16, 18
_INFO_DATA = 2
_BIT_TIMING, _BIT_TIMING_CONST, _CAN_STATE = 1, 2, 4
_ADDRESS_OF, _LOCAL = 1, 2
_TYPE_MASK = 0x3FFF
_DRIVER_BYTES = 16
_SCOPE_LINK = 253

ETHERNET, CAN = 1, 280  # linux/if_arp.h
UNKNOWN, OPERATING = 0, 6  # RFC 2863, as the kernel numbers it
BUS_OFF = 3
IPV4, IPV6 = 2, 10


class Link(msgspec.Struct, frozen=True):
    """An interface. `bitrate`, `driver` and `can_state` only of CAN, None where not reported."""

    index: int
    name: str
    kind: int
    up: bool
    operation: int
    mac_address: str
    tx_queue_len: int
    bitrate: int | None = None
    driver: str | None = None
    can_state: int | None = None

    @property
    def works(self) -> bool:
        """Up, and not said to be without a carrier; vcan and tunnels say nothing."""
        return self.up and self.operation in (UNKNOWN, OPERATING)


class Address(msgspec.Struct, frozen=True):
    """An address of the interface with that index, as packed bytes."""

    index: int
    family: int
    packed: bytes
    is_link_local: bool


def link_request() -> bytes:
    """Ask for all interfaces."""
    body = _LINK.pack(0, 0, 0, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), _GET_LINK, _REQUEST_DUMP, 1, 0) + body


def address_request() -> bytes:
    """Ask for all addresses."""
    body = _ADDRESS.pack(0, 0, 0, 0, 0)
    return _HEADER.pack(_HEADER.size + len(body), _GET_ADDRESS, _REQUEST_DUMP, 1, 0) + body


def is_last(data: bytes) -> bool:
    """Whether a datagram ends its dump, well or with an error."""
    return any(kind in (_DONE, _ERROR) for kind, _ in _messages(data))


def parse_links(data: bytes) -> list[Link]:
    """Interfaces of a dump's datagrams, joined; what makes no sense is left out."""
    bodies = [body for kind, body in _messages(data) if kind == _NEW_LINK]
    return [link for body in bodies if (link := _link(body)) is not None]


def parse_addresses(data: bytes) -> list[Address]:
    """Addresses of a dump's datagrams, joined, as `parse_links`."""
    bodies = [body for kind, body in _messages(data) if kind == _NEW_ADDRESS]
    return [address for body in bodies if (address := _address(body)) is not None]


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, at)
        if length < _HEADER.size:
            return
        yield kind, data[at + _HEADER.size : at + length]
        at += (length + 3) & ~3


def _attributes(data: bytes) -> dict[int, bytes]:
    found = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, at)
        if length < _ATTRIBUTE.size:
            break
        found[kind & _TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
    return found


def _link(body: bytes) -> Link | None:
    if len(body) < _LINK.size:
        return None
    _family, kind, index, flags, _change = _LINK.unpack_from(body)
    attributes = _attributes(body[_LINK.size :])
    name = attributes.get(_NAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    if not name:
        return None
    operation = attributes.get(_OPERATION) or bytes(1)
    can = _attributes(_attributes(attributes.get(_LINK_INFO, b"")).get(_INFO_DATA, b""))
    if kind != CAN:
        can = {}
    return Link(
        index=index,
        name=name,
        kind=kind,
        up=bool(flags & _IFF_UP),
        operation=operation[0],
        mac_address=attributes.get(_MAC, b"").hex(":"),
        tx_queue_len=_u32(attributes.get(_QUEUE_LENGTH)) or 0,
        bitrate=_u32(can.get(_BIT_TIMING)) or None,
        driver=_driver(can.get(_BIT_TIMING_CONST)),
        can_state=_u32(can.get(_CAN_STATE)),
    )


def _u32(data: bytes | None) -> int | None:
    """The number that a value begins with."""
    if data is None or len(data) < _U32.size:
        return None
    number: int = _U32.unpack_from(data)[0]
    return number


def _driver(timing_const: bytes | None) -> str | None:
    name = (timing_const or b"")[:_DRIVER_BYTES].split(b"\0")[0].decode("utf-8", "replace")
    return name if name and name.isprintable() else None


def _address(body: bytes) -> Address | None:
    if len(body) < _ADDRESS.size:
        return None
    family, _prefix, _flags, scope, index = _ADDRESS.unpack_from(body)
    attributes = _attributes(body[_ADDRESS.size :])
    # Of a point-to-point link, ADDRESS is the other end; IPv6 has no LOCAL otherwise.
    packed = attributes.get(_LOCAL) or attributes.get(_ADDRESS_OF)
    if packed is None or len(packed) != {IPV4: 4, IPV6: 16}.get(family):
        return None
    return Address(index, family, packed, scope == _SCOPE_LINK)
