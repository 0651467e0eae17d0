"""How far a client has come with what was sent to it, as its kernel tells ours. TCP on Linux."""

import array
import fcntl
import socket
import struct
import termios

import msgspec
import trio

from transports.sockets.plain_socket import plain_socket

# `tcpi_bytes_acked` of `struct tcp_info` (linux/tcp.h), 64 bits.
_ACKED_AT = 120
_INFO_BYTES = _ACKED_AT + 8


class TcpDelivery(msgspec.Struct, frozen=True):
    """Bytes that arrived there since the connection was made, and those that have not yet."""

    arrived_bytes: int
    waiting_bytes: int


def delivery(stream: trio.abc.Stream) -> TcpDelivery | None:
    """Also below TLS; None where there is no TCP, or no more."""
    plain = plain_socket(stream, below_tls=True)
    if plain is None:
        return None
    try:
        info = plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        waiting = array.array("i", [0])
        fcntl.ioctl(plain.fileno(), termios.TIOCOUTQ, waiting)
        (arrived_bytes,) = struct.unpack_from("=Q", info, _ACKED_AT)
    except (OSError, ValueError, struct.error):
        return None
    return TcpDelivery(arrived_bytes, waiting[0])
