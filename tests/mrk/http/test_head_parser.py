import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.http.head_parser import HeadParser
from mrk.http.refusal import Refusal

HEAD = b"GET /server/info?a=1 HTTP/1.1\r\nHost: printer\r\nX-Name: \xe4b\r\n\r\n"


def status_of(data: bytes, limit_bytes: int = 1000) -> int:
    with pytest.raises(Refusal) as caught:
        HeadParser(limit_bytes).feed(data)
    return caught.value.status


@given(st.lists(st.integers(1, len(HEAD) + 20), max_size=12), st.binary(max_size=30))
def test_any_cut_gives_the_same_head(cuts: list[int], behind: bytes) -> None:
    wire = b"\r\n" + HEAD + behind
    edges = sorted({0, len(wire), *(cut for cut in cuts if cut < len(wire))})
    parser = HeadParser(1000)
    rest = b""
    complete = False
    for begin, end in itertools.pairwise(edges):
        if complete:
            rest += wire[begin:end]
        else:
            complete = parser.feed(wire[begin:end])
    assert complete
    assert (parser.method, parser.target) == ("GET", "/server/info?a=1")
    assert parser.http_version == "1.1"
    assert parser.headers == [("host", "printer"), ("x-name", "äb")]
    assert (parser.raw, parser.rest + rest) == (HEAD, behind)


@pytest.mark.parametrize("cut", range(1, len(HEAD)))
def test_two_parts_are_one_head(cut: int) -> None:
    parser = HeadParser(len(HEAD))
    assert not parser.feed(HEAD[:cut])
    assert parser.feed(HEAD[cut:] + b"rest")
    assert (parser.raw, parser.rest) == (HEAD, b"rest")


@given(st.binary(max_size=200))
def test_junk_is_refused_or_waited_for(junk: bytes) -> None:
    parser = HeadParser(150)
    with contextlib.suppress(Refusal):
        parser.feed(junk)


def test_the_limit_itself_passes_and_one_more_does_not() -> None:
    assert HeadParser(len(HEAD)).feed(HEAD)
    assert status_of(HEAD, len(HEAD) - 1) == 431
    assert not HeadParser(20).feed(HEAD[:20])
    assert status_of(HEAD[:20], 19) == 431


@pytest.mark.parametrize("names", ["Host Host", "Host HOST", "host Accept Host", "Host Host Host"])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("upgrade", [b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"])
def test_a_second_host_is_refused(names: str, version: bytes, upgrade: bytes) -> None:
    lines = "".join(f"{name}: printer\r\n" for name in names.split()).encode()
    assert status_of(b"GET / HTTP/" + version + b"\r\n" + lines + upgrade + b"\r\n") == 400


def test_names_like_host_are_no_hosts() -> None:
    lines = b"Host: printer\r\nX-Forwarded-Host: a\r\nX-Forwarded-Host: b\r\n"
    assert HeadParser(1000).feed(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")


def test_an_upgrade_keeps_what_follows_the_head() -> None:
    parser = HeadParser(1000)
    head = b"GET /websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    assert parser.feed(head + b"\x81\x00")
    assert parser.rest == b"\x81\x00"


@pytest.mark.parametrize(
    ("sent", "target"),
    [
        ("http://printer:7125/a?b", "/a?b"),
        ("HTTPS://printer/a", "/a"),
        ("http://printer", "/"),
        ("http://printer/", "/"),
        # Slashes of the query are no path, which another parser would not see either.
        ("http://printer?url=/printer/emergency_stop", "/?url=/printer/emergency_stop"),
        ("ws://printer/websocket", "ws://printer/websocket"),
        ("/a?url=http://b/c", "/a?url=http://b/c"),
    ],
)
def test_a_proxy_style_target_loses_its_host(sent: str, target: str) -> None:
    parser = HeadParser(1000)
    assert parser.feed(b"GET %s HTTP/1.1\r\n\r\n" % sent.encode())
    assert parser.target == target


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nName : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nName: a\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nName: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nName: a\x00b\r\n\r\n",
        b"GET / HTTP/1.1\r\n: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: +1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET\r\n\r\n",
        b"FETCH / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_is_no_http_is_a_400(data: bytes) -> None:
    assert status_of(data) == 400


def test_other_versions_are_a_505() -> None:
    assert status_of(b"GET / HTTP/2.0\r\n\r\n") == 505


def test_raw_blanks_in_the_target_are_taken_as_quoted() -> None:
    parser = HeadParser(1000)
    assert parser.feed(b"GET /query?heater_fan hotend fan&toolhead HTTP/1.1\r\nHost: x\r\n\r\nrest")
    assert parser.target == "/query?heater_fan%20hotend%20fan&toolhead"
    assert parser.raw.startswith(b"GET /query?heater_fan%20hotend%20fan&toolhead HTTP/1.1\r\n")
    assert parser.rest == b"rest"
