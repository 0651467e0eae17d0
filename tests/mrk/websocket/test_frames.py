import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Event, Ping, Pong, TextMessage

from mrk.websocket.frames import PING, close_frame, pong_frame, text_frame, text_frames


def read(wire: bytes) -> list[Event]:
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(wire)
    return list(client.events())


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_every_length_encoding_is_read_back(size: int) -> None:
    assert read(text_frame(b"x" * size)) == [TextMessage(data="x" * size)]


@given(st.lists(st.text(max_size=300), max_size=6))
def test_several_frames_on_end(texts: list[str]) -> None:
    payloads = [text.encode() for text in texts]
    wire = text_frames(payloads)
    assert wire == b"".join(map(text_frame, payloads))
    assert read(wire) == [TextMessage(data=text) for text in texts]


def test_control_frames() -> None:
    wire = PING + pong_frame(b"p" * 125) + close_frame(1001, "Server Shutdown")
    assert read(wire) == [
        Ping(payload=b""),
        Pong(payload=b"p" * 125),
        CloseConnection(code=1001, reason="Server Shutdown"),
    ]
    assert read(close_frame(None)) == [CloseConnection(code=1005, reason="")]


@given(st.text(max_size=200))
def test_a_long_reason_is_cut_between_characters(reason: str) -> None:
    (event,) = read(close_frame(1008, reason))
    assert isinstance(event, CloseConnection)
    assert event.reason is not None
    assert reason.startswith(event.reason)
    assert len(event.reason.encode()) >= min(len(reason.encode()), 120)
