"""The load generator's own codecs, held against wsproto and against random cuts."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Ping, TextMessage

from benchmarks import wire

texts = st.lists(st.text(max_size=300), max_size=8)
sizes = [0, 1, 125, 126, 65535, 65536]


def cut(data, places):
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@pytest.mark.parametrize("size", sizes)
def test_a_server_reads_our_frames(size):
    server = Connection(ConnectionType.SERVER)
    server.receive_data(wire.client_frame(b"x" * size))
    assert "".join(event.data for event in server.events()) == "x" * size


@given(texts, st.lists(st.integers(0), max_size=5))
def test_websocket_messages_at_any_cut(messages, places):
    server = Connection(ConnectionType.SERVER)
    data = b"".join(server.send(TextMessage(data=text)) for text in messages)
    cutter = wire.WebsocketCutter()
    found = [message for part in cut(data, places) for message in cutter.feed(part)]
    assert [message.decode() for message in found] == messages


@pytest.mark.parametrize("size", sizes)
def test_websocket_lengths(size):
    server = Connection(ConnectionType.SERVER)
    assert wire.WebsocketCutter().feed(server.send(TextMessage(data="y" * size))) == [b"y" * size]


def test_control_frames_are_kept_apart():
    server = Connection(ConnectionType.SERVER)
    cutter = wire.WebsocketCutter()
    data = server.send(Ping(payload=b"hi")) + server.send(CloseConnection(code=1001))
    assert cutter.feed(data) == []
    assert cutter.pings == [b"hi"]
    assert cutter.close_code == 1001


@given(texts, st.lists(st.integers(0), max_size=5))
def test_etx_messages_at_any_cut(messages, places):
    sent = [message.replace("\x03", "").encode() for message in messages]
    data = b"".join(message + b"\x03" for message in sent)
    cutter = wire.EtxCutter()
    assert [m for part in cut(data, places) for m in cutter.feed(part)] == sent


@given(texts, st.lists(st.integers(0), max_size=5))
def test_http_bodies_at_any_cut(messages, places):
    sent = [message.encode() for message in messages]
    data = b"".join(
        b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        for body in sent
    )
    cutter = wire.HttpCutter()
    assert [b for part in cut(data, places) for b in cutter.feed(part)] == sent


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 503 No\r\nContent-Length: 0", b"HTTP/1.1 200 OK\r\nServer: x"]
)
def test_other_responses_are_an_error(head):
    with pytest.raises(wire.JunkFromServer):
        wire.HttpCutter().feed(head + b"\r\n\r\n")


def test_requests_are_json_rpc():
    assert json.loads(wire.rpc("server.info", "a", {"x": 1})) == {
        "jsonrpc": "2.0",
        "method": "server.info",
        "id": "a",
        "params": {"x": 1},
    }
