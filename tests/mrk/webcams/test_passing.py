"""What goes on to a camera, and what comes back: no credentials, no other host, no other path."""

import pytest

from mrk.errors import ClientError
from mrk.http.head import RequestHead
from mrk.webcams.camera_answer import BadAnswer, parse_answer
from mrk.webcams.passing import (
    camera_request,
    changes_camera,
    passed_headers,
    request_bytes,
    upgraded_bytes,
)


def head(method="GET", target="/webcam/", headers=()):
    return RequestHead(method, target, "1.1", headers, "10.0.0.9", "10.0.0.9")


@pytest.mark.parametrize(
    ("base", "rest", "query", "target"),
    [
        ("/", "", [("action", "stream")], "/?action=stream"),
        ("/", "a b/ä", [], "/a%20b/%C3%A4"),
        ("/cam/1/", "stream", [], "/cam/1/stream"),
        ("/", "//other.host/x", [], "///other.host/x"),
        ("/", "http://other.host/", [], "/http://other.host/"),
        ("/", "x", [("a", "1&b=2"), ("c", "")], "/x?a=1%26b%3D2&c"),
        ("/", "x", [("access_token", "S"), ("Token", "S"), ("api_key", "S"), ("z", "1")], "/x?z=1"),
        ("/", "x", [("APIKEY", "S"), ("connection_id", "7"), ("a@b", "c&d=@")], "/x?a@b=c%26d%3D@"),
    ],
)
def test_targets(base, rest, query, target):
    assert camera_request(base, rest, query).target == target


@pytest.mark.parametrize(
    "rest", ["../x", "a/../../b", "..", "a\\..\\b", "a\r\nb", "a\ufffdb", "\x00"]
)
def test_paths_that_lead_elsewhere(rest):
    with pytest.raises(ClientError) as caught:
        camera_request("/cam/", rest, [])
    assert caught.value.status == 400


def test_a_query_with_line_ends():
    with pytest.raises(ClientError):
        camera_request("/", "", [("a", "b\r\nX: y")])


@pytest.mark.parametrize(
    ("rest", "query", "stream", "snapshot"),
    [
        ("", "action=stream", True, False),
        ("", "action=snapshot", False, True),
        ("stream", "", True, False),
        ("stream.mjpg", "", True, False),
        ("video.mjpg", "", True, False),
        ("snapshot", "", False, True),
        ("a/b.jpg", "", False, True),
        ("stream.m3u8", "", False, False),
        ("stream", "action=snapshot", False, True),
        ("snapshot", "action=stream", True, False),
        ("stream", "action=command", False, False),
        ("a.jpg", "action=command", False, False),
        ("", "", False, False),
        ("webrtc", "", False, False),
    ],
)
def test_what_a_request_looks_like(rest, query, stream, snapshot):
    pairs = [tuple(query.split("="))] if query else []
    found = camera_request("/", rest, pairs)
    assert (found.is_stream, found.is_snapshot) == (stream, snapshot)


def test_what_only_defeats_caches_makes_no_other_stream():
    first = camera_request("/", "", [("action", "stream"), ("bypassCache", "1")])
    second = camera_request("/", "", [("cacheBust", "2"), ("action", "stream")])
    third = camera_request("/", "", [("action", "stream"), ("timestamp", "1795906072066")])
    assert first.key == second.key == third.key == "/?action=stream"
    assert first.target == "/?action=stream&bypassCache=1"


@pytest.mark.parametrize(
    ("method", "rest", "query", "changes"),
    [
        ("GET", "", [("action", "stream")], False),
        ("GET", "", [("action", "command")], True),
        ("GET", "", [("action", "command"), ("action", "stream")], True),
        ("GET", "", [("action", "command_ng")], True),
        ("HEAD", "", [("Action", "Command")], True),
        ("HEAD", "", [("action", "snapshot")], False),
        ("GET", "", [("action", "input_cmd")], True),
        ("GET", "", [("action", "output_cmd")], True),
        ("GET", "", [("title", "command")], False),
        ("POST", "webrtc", [], False),
        ("PATCH", "webrtc/7", [], False),
        ("DELETE", "cam/whep/7", [], False),
        ("POST", "control", [], True),
        ("DELETE", "webrtcx", [], True),
    ],
)
def test_who_signals_only_looks(method, rest, query, changes):
    assert changes_camera(method, rest, query) is changes


def test_a_request_leaves_without_credentials():
    headers = [
        ("host", "printer"), ("authorization", "Bearer S"), ("x-api-key", "S"), ("cookie", "S"),
        ("x-access-token", "S"), ("connection", "keep-alive"), ("content-type", "application/sdp"),
        ("transfer-encoding", "chunked"), ("content-length", "99"), ("x-forwarded-for", "1.1.1.1"),
        ("accept", "*/*"), ("origin", "http://printer"), ("referer", "http://printer/?token=S"),
        ("accept-language", "de"), ("if-match", "a"), ("if-none-match", "b"), ("range", "bytes=0-"),
        ("if-modified-since", "d"), ("user-agent", "u"), ("sec-websocket-key", "k"),
    ]  # fmt: skip
    sent = request_bytes("POST", "/webrtc", "127.0.0.1:8080", head("POST", headers=headers), b"sdp")
    assert sent == (
        b"POST /webrtc HTTP/1.1\r\nHost: 127.0.0.1:8080\r\ncontent-type: application/sdp\r\n"
        b"accept: */*\r\naccept-language: de\r\nif-match: a\r\nif-none-match: b\r\n"
        b"range: bytes=0-\r\nif-modified-since: d\r\nuser-agent: u\r\n"
        b"Content-Length: 3\r\nConnection: close\r\n\r\nsdp"
    )


def test_a_handshake():
    headers = [
        ("upgrade", "websocket"), ("sec-websocket-key", "k"), ("origin", "http://p"),
        ("sec-websocket-extensions", "e"), ("sec-websocket-protocol", "p"), ("user-agent", "u"),
        ("sec-websocket-version", "13"), ("cookie", "S"), ("authorization", "S"),
    ]  # fmt: skip
    sent = request_bytes("GET", "/ws", "h", head(headers=headers), None, close=False)
    assert sent == (
        b"GET /ws HTTP/1.1\r\nHost: h\r\nsec-websocket-key: k\r\nsec-websocket-extensions: e\r\n"
        b"sec-websocket-protocol: p\r\nuser-agent: u\r\nsec-websocket-version: 13\r\n"
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    names = ("sec-websocket-accept", "set-cookie", "sec-websocket-protocol")
    headers = list(zip((*names, "sec-websocket-extensions"), "aSpe", strict=True))
    back = upgraded_bytes(headers)
    assert back == (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"sec-websocket-accept: a\r\nsec-websocket-protocol: p\r\n"
        b"sec-websocket-extensions: e\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("location", "passed"),
    [
        # Browsers go to https://example.org for each of the first two.
        ("http:https://example.org/", None),
        ("\\\\example.org/", None),
        ("/cam/../server/info", None),
        ("/cam/.%2E/server/info", None),
        ("..\\server", None),
        ("next?to=\\\\a..b:c", "next?to=\\\\a..b:c"),
        ("/cam/webrtc/1", "/webcam/webrtc/1"),
        ("http://h:81/cam/x?y=1", "/webcam/x?y=1"),
        ("session/1", "session/1"),
        ("/elsewhere", None),
        ("../x", None),
        ("http://evil.host/cam/", None),
        ("//evil.host/cam/", None),
        ("javascript:alert(1)", None),
        ("http://[broken", None),
    ],
)
def test_where_a_camera_sends_somebody(location, passed):
    found = dict(passed_headers([("location", location)], "/cam/", "/webcam", "h:81"))
    assert found.get("Location") == passed


def test_what_comes_back_runs_in_no_origin_of_ours():
    headers = [
        ("etag", "x"), ("set-cookie", "S"), ("access-control-allow-origin", "*"), ("server", "x"),
        ("location", "//evil.host/"), ("vary", "v"), ("accept-ranges", "bytes"),
        ("content-security-policy", "none"), ("connection", "keep-alive"),
    ]  # fmt: skip
    assert passed_headers(headers, "/", "/webcam", "h") == [
        ("Etag", "x"),
        ("Vary", "v"),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "sandbox allow-scripts"),
    ]


def test_heads_of_answers():
    answer = parse_answer(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nX: a b ")
    assert (answer.status, answer.length, answer.header("x")) == (200, 5, "a b")
    assert parse_answer(b"HTTP/1.1 200").length is None
    assert parse_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked").chunked
    assert parse_answer(b"HTTP/1.1 204 No Content\r\nContent-Length: 5").length == 0
    assert parse_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5", to_head=True).length == 0
    for status in (b"100", b"101", b"304"):
        bodiless = parse_answer(b"HTTP/1.1 %s X\r\nTransfer-Encoding: chunked" % status)
        assert (bodiless.chunked, bodiless.length) == (False, 0)
    assert parse_answer(b"HTTP/1.1 200 OK" + b"\na:\tb\tc" * 100).header("a") == "b\tc"
    longest = parse_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 123456789012345")
    assert longest.length == 123456789012345


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"ICY 200 OK",
        b"HTTP/2 200",
        b"HTTP/1.1 999 Odd",
        b"HTTP/1.1 200 OK\r\nbroken",
        b"HTTP/1.1 200 OK\r\na b: c",
        b"HTTP/1.1 200 OK\r\na: b\rc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1234567890123456",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        b"HTTP/1.1 200 OK" + b"\r\na: b" * 101,
    ],
)
def test_broken_answers(text):
    with pytest.raises(BadAnswer):
        parse_answer(text)
