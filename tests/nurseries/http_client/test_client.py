"""Outgoing HTTP against a server on loopback that behaves, or not."""

import pytest
import trio

from mrk.http.client import FetchFailed, NotReached
from nurseries.http_client import MOST_REDIRECTS, HttpClient
from tests.fakes.web_server import open_web_server, response

pytestmark = pytest.mark.e2e
OUTER_S = 20


async def test_body_status_headers():
    async with open_web_server() as server:
        server.replies["/x"] = response(b"hello", "203 Odd", ETag='"a"')
        got = await HttpClient().get(
            f"{server.url}/x", most_bytes=5, headers={"If-None-Match": "b"}
        )
    assert (got.status, got.body, got.whole, got.headers["etag"]) == (203, b"hello", True, '"a"')
    assert "If-None-Match: b" in server.heads[0]
    assert "Accept-Encoding: identity" in server.heads[0]


async def test_a_body_over_its_bound_is_cut_and_the_connection_left():
    async def endless(stream):
        await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send_all(b"x" * 65536)

    async with open_web_server() as server:
        server.replies["/x"] = endless
        with trio.fail_after(OUTER_S):
            got = await HttpClient().get(f"{server.url}/x", most_bytes=100_000)
    assert (got.body, got.whole) == (b"x" * 100_000, False)


async def test_redirects_within_http():
    async with open_web_server() as server:
        server.replies["/a"] = response(b"", "302 Found", Location="/b")
        server.replies["/b"] = response(b"there")
        assert (await HttpClient().get(f"{server.url}/a", most_bytes=9)).body == b"there"


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "/loop"])
async def test_redirects_that_are_not_followed(target):
    async with open_web_server() as server:
        server.replies["/loop"] = response(b"", "302 Found", Location=target)
        with trio.fail_after(OUTER_S), pytest.raises(FetchFailed):
            await HttpClient().get(f"{server.url}/loop", most_bytes=9)
    assert len(server.heads) == (MOST_REDIRECTS + 1 if target == "/loop" else 1)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"junk\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        response(b"\x1f\x8b", Content_Encoding="gzip"),
    ],
)
async def test_broken_answers(reply):
    async with open_web_server() as server:
        server.replies["/x"] = reply
        with trio.fail_after(OUTER_S), pytest.raises(FetchFailed):
            await HttpClient().get(f"{server.url}/x", most_bytes=9)


@pytest.mark.parametrize("url", ["", "nonsense", "file:///etc/passwd", "http://", "http://[::1"])
async def test_urls_that_are_none(url):
    with pytest.raises(FetchFailed):
        await HttpClient().get(url, most_bytes=9)


async def test_nobody_listens():
    with pytest.raises(FetchFailed):
        await HttpClient().get("http://127.0.0.1:1/", most_bytes=9, local=True)


async def test_a_server_that_says_nothing_is_left_at_the_callers_deadline():
    async def silent(stream):
        await trio.sleep_forever()

    async with open_web_server() as server:
        server.replies["/x"] = silent
        with trio.fail_after(OUTER_S):
            with trio.move_on_after(0.5) as scope:
                await HttpClient().get(f"{server.url}/x", most_bytes=9)
    assert scope.cancelled_caught


async def test_verbs_bodies_and_redirects_that_are_answers():
    async def put(stream):
        while not server.heads[0].endswith('{"a":1}'):
            server.heads[0] += (await stream.receive_some()).decode()
        await stream.send_all(response(b"", "307 Temporary Redirect", Location="/y"))

    async with open_web_server() as server:
        server.replies["/x"] = put
        with trio.fail_after(OUTER_S):
            answer = await HttpClient().request(
                "PUT",
                f"{server.url}/x",
                most_bytes=9,
                body=b'{"a":1}',
                headers={"Content-Type": "application/json"},
            )
    assert (answer.status, answer.headers["location"]) == (307, "/y")
    assert server.heads[0].startswith("PUT /x HTTP/1.1\r\n")
    assert "Content-Type: application/json" in server.heads[0]
    assert "Content-Length: 7" in server.heads[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nonsense", "http://[::1"])
async def test_what_surely_did_not_leave(url):
    with pytest.raises(NotReached):
        await HttpClient().request("PUT", url, most_bytes=9, body=b"x", local=True)


@pytest.mark.parametrize("reply", [b"", b"junk\r\n\r\n", b"HTTP/1.1 200 OK\r\n"])
async def test_a_request_without_answer_may_have_taken_effect(reply):
    async with open_web_server() as server:
        server.replies["/x"] = reply
        with trio.fail_after(OUTER_S), pytest.raises(FetchFailed) as caught:
            await HttpClient().request("PUT", f"{server.url}/x", most_bytes=9, body=b"x")
    assert not isinstance(caught.value, NotReached)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_device_is_reached_by_address_and_by_name(host):
    async with open_web_server() as server:
        server.replies["/x"] = response(b"on")
        url = server.url.replace("127.0.0.1", host)
        got = await HttpClient().request("GET", f"{url}/x", most_bytes=9, local=True)
    assert got.body == b"on"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[fe80::1%25lo]", "localhost"])
async def test_a_device_that_is_not_there(host):
    with trio.fail_after(OUTER_S), pytest.raises(NotReached):
        await HttpClient().request("GET", f"http://{host}:1/", most_bytes=9, local=True)
