"""Messages of the kernel's rtnetlink, built as linux/if_link.h and linux/can/netlink.h say."""

import struct

_ETHERNET, _CAN = 1, 280


def attribute(kind: int, value: bytes) -> bytes:
    data = struct.pack("=HH", 4 + len(value), kind) + value
    return data + bytes(-len(data) % 4)


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=LHHLL", 16 + len(body), kind, 2, 1, 0) + body + bytes(-len(body) % 4)


def link(
    index: int, name: str, *, kind: int = _ETHERNET, up: bool = True, operation: int = 6,
    mac: bytes = b"\x02\0\0\xaa\xbb\xcc", queue: int = 1000, more: bytes = b"",
) -> bytes:  # fmt: skip
    body = struct.pack("=BxHiLL", 0, kind, index, 0x41 if up else 0, 0)
    body += attribute(3, name.encode() + b"\0") + attribute(1, mac)
    body += attribute(13, struct.pack("=L", queue)) + attribute(16, bytes([operation]))
    return message(16, body + more)


def can_link(
    index: int, name: str, *, bitrate: int = 1000000, driver: str = "gs_usb", state: int = 0,
    up: bool = True, operation: int = 6,
) -> bytes:  # fmt: skip
    timing = struct.pack("=LLLLLLLL", bitrate, 875, 12, 6, 7, 2, 1, 6)
    const = struct.pack("=16sLLLLLLLL", driver.encode(), 1, 16, 1, 8, 4, 1, 1024, 1)
    data = attribute(1, timing) if bitrate else b""
    data += attribute(2, const) + attribute(4, struct.pack("=L", state))
    info = attribute(1, b"can\0") + attribute(2 | 0x8000, data)
    return link(
        index, name, kind=_CAN, up=up, operation=operation, mac=b"", queue=1024,
        more=attribute(18, info),
    )  # fmt: skip


def address(index: int, packed: bytes, *, scope: int = 0) -> bytes:
    body = struct.pack("=BBBBL", 2 if len(packed) == 4 else 10, 24, 0, scope, index)
    if len(packed) == 4:
        body += attribute(2, packed)
    return message(20, body + attribute(1, packed))


def done() -> bytes:
    return message(3, bytes(4))
