"""Any cut of the same bytes gives the same events."""

from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage

from mrk.websocket.events import LOAD_FRAGMENTS, Ending, Event, Pinged
from mrk.websocket.fragments import FragmentReader
from mrk.websocket.incoming import WebsocketReader, load_fragments

texts = st.text(max_size=300).map(lambda text: TextMessage(data=text))
datas = st.binary(max_size=300).map(lambda data: BytesMessage(data=data))
load_fragments()
pings = st.binary(max_size=125).map(lambda data: Ping(payload=data))


def masked(events: list[Message | Ping]) -> bytes:
    client = Connection(ConnectionType.CLIENT)
    return b"".join(bytes(client.send(event)) for event in events)


def looked_at_first(incoming: WebsocketReader, data: bytes) -> list[Event]:
    """What `feed` gives; `alone` changes nothing, and says the same or nothing."""
    alone = incoming.alone(data)
    events = list(incoming.feed(data))
    assert alone is None or events == [alone]
    return events


def normal(events: list[Event]) -> list[object]:
    return [e.encode() if isinstance(e, str) else e for e in events if e is not None]


@given(st.lists(st.one_of(texts, datas, pings), max_size=8), st.data())
def test_any_cut_gives_the_same_events(events: list, data: st.DataObject) -> None:  # type: ignore[type-arg]
    wire = masked(events)
    expected = [
        Pinged(e.payload) if isinstance(e, Ping) else
        e.data.encode() if isinstance(e, TextMessage) else e.data
        for e in events
    ]  # fmt: skip
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    incoming = WebsocketReader(1000)
    seen: list[Event] = []
    for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        seen += looked_at_first(incoming, wire[begin:end])
    assert normal(seen) == expected


@given(st.binary(max_size=400), st.integers(0, 400))
def test_junk_ends_or_waits_and_never_raises(junk: bytes, cut: int) -> None:
    incoming = WebsocketReader(200)
    events = [*looked_at_first(incoming, junk[:cut]), *looked_at_first(incoming, junk[cut:])]
    endings = [event for event in events if isinstance(event, Ending)]
    assert len(endings) <= 1
    if endings:
        assert events[-1] is endings[0]
        assert list(incoming.feed(b"more")) == []


def test_tiny_fragments_take_no_more_than_their_bytes() -> None:
    client = Connection(ConnectionType.CLIENT)
    incoming = WebsocketReader(100)
    wire = b"".join(
        bytes(client.send(TextMessage(data="", message_finished=False))) for _ in range(10_000)
    )
    assert set(incoming.feed(wire)) == {None}
    assert list(incoming.feed(bytes(client.send(TextMessage(data="end"))))) == ["end"]


def test_close_of_the_client_is_echoed_without_its_reason() -> None:
    client = Connection(ConnectionType.CLIENT)
    wire = bytes(client.send(CloseConnection(code=3001, reason="bye")))
    assert list(WebsocketReader(10).feed(wire)) == [Ending(3001, "", by_peer=True)]
    without_code = b"\x88\x80\0\0\0\0"
    assert list(WebsocketReader(10).feed(without_code)) == [Ending(None, "", by_peer=True)]


def close_payload(code: int, reason: bytes) -> bytes:
    return (code.to_bytes(2) + reason) if code else reason


@given(
    st.one_of(st.sampled_from([0, 999, 1000, 1001, 1002, 1005, 2999, 3000, 4999, 5000]),
              st.integers(0, 65535)),
    st.one_of(st.just(b""), st.binary(max_size=130), st.text(max_size=30).map(str.encode)),
    st.binary(min_size=4, max_size=4),
    st.integers(1, 140),
)  # fmt: skip
def test_a_close_frame_says_the_same_however_it_is_read(
    code: int, reason: bytes, mask: bytes, cut: int
) -> None:
    payload = close_payload(code, reason)
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    hidden = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    wire = b"\x88" + length + mask + hidden
    whole, by_wsproto = WebsocketReader(300), FragmentReader(300)
    ending = list(whole.feed(wire + b"more"))[-1]
    assert ending == list(by_wsproto.feed(wire))[-1]
    in_two = WebsocketReader(300)
    assert [*in_two.feed(wire[:cut]), *in_two.feed(wire[cut:])][-1] == ending
    assert list(whole.feed(b"more")) == []


def test_an_ordinary_close_frame_is_read_without_wsproto() -> None:
    for payload in (b"", b"\x03\xe8", b"\x03\xe9", b"\x0b\xb8bye", b"\x13\x87"):
        incoming = WebsocketReader(100)
        (ending,) = incoming.feed(bytes([0x88, 0x80 | len(payload)]) + bytes(4) + payload)
        assert isinstance(ending, Ending)
        assert ending.by_peer
        assert incoming._fragments is None


@given(st.integers(0, 300), st.binary(min_size=4, max_size=4), st.integers(0, 308))
def test_any_mask_and_length(size: int, mask: bytes, cut: int) -> None:
    payload = bytes(n % 128 for n in range(size))
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    masked_payload = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    wire = b"\x82" + length + mask + masked_payload
    incoming = WebsocketReader(300)
    seen = [*incoming.feed(wire[:cut]), *incoming.feed(wire[cut:])]
    assert [event for event in seen if event is not None] == [payload]


def test_pings_and_pongs_are_read_between_fragments_and_without_wsproto() -> None:
    client = Connection(ConnectionType.CLIENT)
    incoming = WebsocketReader(100)
    assert list(incoming.feed(bytes(client.send(Pong(payload=b"x" * 125))))) == [None]
    assert list(incoming.feed(bytes(client.send(Ping(payload=b"one"))))) == [Pinged(b"one")]
    assert incoming._fragments is None
    first, ping, last = (
        bytes(client.send(event))
        for event in (
            TextMessage(data="be", message_finished=False),
            Ping(payload=b""),
            TextMessage(data="gun"),
        )
    )
    assert list(incoming.feed(first + ping + last)) == [None, Pinged(b""), b"begun"]


def test_control_frames_with_a_fault_end_the_connection() -> None:
    for wire in (b"\x89\x00", b"\x89\xfe\x00\x7e" + bytes(130), b"\x09\x80" + bytes(4)):
        events = list(WebsocketReader(1000).feed(wire))
        assert isinstance(events[-1], Ending), wire
        assert events[-1].code == 1002


def test_a_message_that_came_alone() -> None:
    text, binary, ping = TextMessage(data="one"), BytesMessage(data=b"two"), Ping(payload=b"")
    assert WebsocketReader(1000).alone(masked([text])) == "one"
    assert WebsocketReader(1000).alone(masked([binary])) == b"two"
    for chunk in (masked([text, binary]), masked([text])[:-1], masked([ping]), b""):
        assert WebsocketReader(1000).alone(chunk) is None
    assert WebsocketReader(2).alone(masked([text])) is None


def test_what_reads_fragments_is_loaded_by_whoever_iterates() -> None:
    load_fragments.cache_clear()
    try:
        client = Connection(ConnectionType.CLIENT)
        halves = (TextMessage(data="a", message_finished=False), TextMessage(data="b"))
        plain = masked([TextMessage(data="0")])
        events = WebsocketReader(1000).feed(plain + b"".join(client.send(half) for half in halves))
        assert next(events) == "0"
        assert next(events) is LOAD_FRAGMENTS
        load_fragments()  # as a thread would
        assert normal(list(events)) == [b"ab"]
    finally:
        load_fragments()
