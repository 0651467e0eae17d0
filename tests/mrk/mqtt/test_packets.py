"""Packets cut out of a broker's bytes: whole, byte by byte, at random cuts; large ones, junk."""

import random

import pytest

from mrk.mqtt.packets import BadPacket, PacketFilter, encode_length

MIB = 1024 * 1024
MARK = b"too large"


CONNACK = b"\x20\x02\0\0"


def admission(limit_bytes=1000, *, v5=False):
    """A gate behind the first packet."""
    one = PacketFilter(limit_bytes, MARK, properties=v5)
    assert list(one.feed(CONNACK)) == [CONNACK]
    return one


def packet(first, body):
    return bytes([first]) + encode_length(len(body)) + body


def message(topic, payload, *, qos=0, number=7, v5=False):
    name = len(topic).to_bytes(2) + topic
    name += number.to_bytes(2) if qos else b""
    return packet(0x30 | qos << 1, name + (b"\0" if v5 else b"") + payload)


def cuts(data, sizes):
    at = 0
    while at < len(data):
        size = sizes()
        yield data[at : at + size]
        at += size


def fed(admission, pieces):
    return [found for piece in pieces for found in admission.feed(piece)]


PACKETS = [
    packet(0xD0, b""),
    message(b"a/b", b"x" * 200),
    message(b"a/b", b"", qos=1),
    packet(0x40, b"\x00\x07"),
    message(b"c", b"y" * 20_000),
    message(b"c", b"y" * 20_000, qos=2, number=260),
    packet(0x90, b"\x00\x01\x00"),
    message(b"", b"z" * 1001),
    packet(0xD0, b""),
]
EXPECTED = [
    *PACKETS[:4],
    message(b"c", MARK),
    message(b"c", MARK, qos=2, number=260),
    PACKETS[6],
    message(b"", MARK),
    PACKETS[8],
]


def test_whole_and_byte_by_byte():
    data = b"".join(PACKETS)
    assert fed(admission(), [data]) == EXPECTED
    assert fed(admission(), cuts(data, lambda: 1)) == EXPECTED


def test_at_random_cuts():
    rng = random.Random(1)
    data = b"".join(PACKETS)
    for _ in range(50):
        assert fed(admission(), cuts(data, lambda: rng.randint(1, 400))) == EXPECTED


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_large_message_of_v5_keeps_an_empty_list_of_properties(qos):
    large = message(b"t", b"p" * 5000, qos=qos, v5=True)
    assert fed(admission(v5=True), [large]) == [message(b"t", MARK, qos=qos, v5=True)]


@pytest.mark.parametrize(("size", "passes"), [(1000, True), (1001, False)])
def test_the_limit_at_its_edge(size, passes):
    found = message(b"t", b"p" * (size - 3))
    assert fed(admission(), [found]) == [found if passes else message(b"t", MARK)]


def test_what_is_read_over_is_not_kept():
    one = admission()
    list(one.feed(bytes([0x30]) + encode_length(10_000_000) + b"\0\x01t" + b"x" * 100))
    for _ in range(100):
        assert list(one.feed(b"x" * 65536)) == []
        assert len(one._buffer) == 0


@pytest.mark.parametrize(
    "junk",
    [
        b"\x30\xff\xff\xff\xff\x01",
        b"\x90\x80\x80\x01" + b"x" * 20_000,
        b"\x30\xff\x7f\xff\xff" + b"x" * 20_000,
    ],
)
def test_junk(junk):
    with pytest.raises(BadPacket):
        fed(admission(), cuts(junk, lambda: 7))


def test_random_bytes_do_nothing_worse():
    rng = random.Random(2)
    for _ in range(300):
        one = admission()
        try:
            for piece in cuts(rng.randbytes(3000), lambda: rng.randint(1, 500)):
                list(one.feed(piece))
                assert len(one._buffer) <= 1000 + 500 + 5 + 65535
        except BadPacket:
            pass


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request", b"\x30", b"\x15\x03"])
def test_the_first_packet_is_the_answer_to_ours(said):
    with pytest.raises(BadPacket, match="first word"):
        list(PacketFilter(1000, MARK, properties=False).feed(said))


@pytest.mark.parametrize(("count", "allowed"), [(100, True), (101, False)])
def test_messages_of_qos_2_that_are_begun_and_not_ended_are_bounded(count, allowed):
    one = admission()
    begun = [message(b"t", b"x", qos=2, number=n) for n in range(count)]
    if allowed:
        assert fed(one, begun) == begun
        assert fed(one, [packet(0x62, b"\0\0"), message(b"t", b"x", qos=2)])
    else:
        with pytest.raises(BadPacket, match="QoS 2"):
            fed(one, begun)


def test_bytes_of_such_messages_are_bounded_too():
    one = admission(limit_bytes=4 * MIB)
    begun = message(b"t", b"x" * 3 * MIB, qos=2)
    assert len(fed(one, [begun] * 2)) == 2
    with pytest.raises(BadPacket, match="QoS 2"):
        fed(one, [begun])


@pytest.mark.parametrize("value", [0, 127, 128, 16383, 16384, 2097151, 2097152, 268435455])
def test_lengths(value):
    body = encode_length(value)
    assert len(body) == 1 + (value > 127) + (value > 16383) + (value > 2097151)
