"""Feeds over a real connection: a server on loopback that behaves, or not."""

import pytest
import trio

from nurseries.announcements.source import FEED_BYTES, FeedAway, RemoteSource
from nurseries.http_client import HttpClient
from tests.fakes.web_server import open_web_server, response
from tests.nurseries.announcements.house import rss

pytestmark = pytest.mark.e2e


async def test_the_tag_is_sent_back():
    async with open_web_server() as server:
        source = RemoteSource(HttpClient(), server.url + "/assets/{feed}.xml")
        server.replies["/assets/klipper.xml"] = response(rss("k1"), ETag='"7"')
        assert await source.read("klipper") == rss("k1")
        server.replies["/assets/klipper.xml"] = response(b"", "304 Not Modified", ETag='"7"')
        assert await source.read("klipper") is None
        assert 'If-None-Match: "7"' in server.heads[1]
        source.forget("klipper")
        server.replies["/assets/klipper.xml"] = response(rss("k1"))
        assert await source.read("klipper") == rss("k1")
        assert "If-None-Match" not in server.heads[2]


async def endless(stream):
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n<rss>")
    while True:
        await stream.send_all(b"<channel>" * 8000)


@pytest.mark.parametrize(
    "reply",
    [
        endless,
        response(b"x" * (FEED_BYTES + 1)),
        response(b"no", "503 Service Unavailable"),
        response(b"\x1f\x8b\x08", Content_Encoding="gzip"),
        response(b"", "302 Found", Location="file:///etc/passwd"),
        b"junk",
        b"",
    ],
)
async def test_what_cannot_be_read(reply):
    async with open_web_server() as server:
        server.replies["/f.xml"] = reply
        with trio.fail_after(20), pytest.raises(FeedAway):
            await RemoteSource(HttpClient(), server.url + "/{feed}.xml").read("f")


async def test_a_document_at_its_limit():
    async with open_web_server() as server:
        server.replies["/f.xml"] = response(b"x" * FEED_BYTES)
        document = await RemoteSource(HttpClient(), server.url + "/{feed}.xml").read("f")
    assert document == b"x" * FEED_BYTES
