"""Cuts a broker's bytes into packets and keeps large messages out. Pure; one per connection.

The library behind it would gather a message of any size (MQTT allows 256 MB). Here a PUBLISH past
the limit is read over; in its place comes one with the same topic and identifier, so that it is
acknowledged as usual, and `oversized` as its payload.
"""

from collections import deque
from collections.abc import Iterator

CONNACK, PUBLISH, PUBREL = 0x20, 0x30, 0x60
QOS_2 = 0x04
# Messages of QoS 2 are kept until the broker releases them; it may begin so many.
MOST_HELD = 100
MOST_HELD_BYTES = 8 * 1024 * 1024
# Fixed header, section 2.2.3 of MQTT 3.1.1: the length has at most four bytes.
_LENGTH_BYTES = 4


class BadPacket(Exception):
    """The broker sent something that is no packet; nothing behind it can be understood."""


class PacketFilter:
    """`limit_bytes` is for one packet without its fixed header.

    `properties` says that messages carry them (v5).
    """

    def __init__(self, limit_bytes: int, oversized: bytes, *, properties: bool) -> None:
        self._limit_bytes = limit_bytes
        self._oversized = oversized
        self._properties = properties
        self._buffer = bytearray()
        self._skip_bytes = 0
        self._begun = False
        self._held: deque[int] = deque()
        self._held_bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Whole packets, in order; the unfinished one is kept, at most `limit_bytes` of it.

        Raises `BadPacket`, when iterated.
        """
        if self._skip_bytes:
            skipped = min(self._skip_bytes, len(data))
            self._skip_bytes -= skipped
            data = data[skipped:]
        self._buffer += data
        if not self._begun and self._buffer:
            self._begun = True
            if self._buffer[0] != CONNACK:
                raise BadPacket(f"its first word is {bytes(self._buffer[:20])!r}")
        start = 0
        try:
            while found := self._packet(start):
                packet, start = found
                self._hold(packet)
                yield packet
        finally:
            del self._buffer[:start]

    def _hold(self, packet: bytes) -> None:
        kind = packet[0] & 0xF0
        if kind == PUBLISH and packet[0] & QOS_2:
            self._held.append(len(packet))
            self._held_bytes += len(packet)
            if len(self._held) > MOST_HELD or self._held_bytes > MOST_HELD_BYTES:
                text = f"{len(self._held)} messages of QoS 2 with {self._held_bytes} bytes"
                raise BadPacket(f"{text} begun and not ended")
        elif kind == PUBREL and self._held:
            self._held_bytes -= self._held.popleft()

    def _packet(self, start: int) -> tuple[bytes, int] | None:
        """The packet at `start` and the place behind it; None while it is unfinished."""
        buffer = self._buffer
        head = _length(buffer, start + 1)
        if head is None:
            return None
        length, body = head
        end = body + length
        if length > self._limit_bytes:
            return self._oversized_packet(start, body, length)
        if len(buffer) < end:
            return None
        return bytes(buffer[start:end]), end

    def _oversized_packet(self, start: int, body: int, length: int) -> tuple[bytes, int] | None:
        buffer = self._buffer
        first = buffer[start]
        if first & 0xF0 != PUBLISH:
            raise BadPacket(f"a packet of kind {first >> 4} with {length} bytes")
        if len(buffer) < body + 2:
            return None
        topic_end = body + 2 + int.from_bytes(buffer[body : body + 2])
        name_end = topic_end + (2 if first & 0x06 else 0)
        if name_end > body + length:
            raise BadPacket("a message shorter than its topic")
        if len(buffer) < name_end:
            return None
        content = bytes(buffer[body:name_end]) + (b"\0" if self._properties else b"")
        content += self._oversized
        end = body + length
        if end > len(buffer):
            self._skip_bytes = end - len(buffer)
            end = len(buffer)
        return bytes([first]) + encode_length(len(content)) + content, end


def _length(buffer: bytearray, at: int) -> tuple[int, int] | None:
    """A packet's remaining length and where it begins; None while its bytes are missing."""
    value = 0
    for index in range(_LENGTH_BYTES):
        if at + index >= len(buffer):
            return None
        byte = buffer[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, at + index + 1
    raise BadPacket("a length of more than four bytes")


def encode_length(value: int) -> bytes:
    """A remaining length as the fixed header carries it."""
    encoded = bytearray()
    while True:
        value, byte = value >> 7, value & 0x7F
        encoded.append(byte | (0x80 if value else 0))
        if not value:
            return bytes(encoded)
