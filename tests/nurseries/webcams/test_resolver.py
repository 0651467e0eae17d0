"""Addresses as mrk reaches them, and snapshots of a camera on loopback."""

import pytest
import trio

from mrk.webcams.webcam import Webcam
from nurseries.http_client import HttpClient
from nurseries.webcams.resolver import SNAPSHOT_BYTES, Resolver, host_address, is_ours, listeners
from tests.fakes.web_server import open_web_server, response

pytestmark = pytest.mark.e2e
# TEST-NET-1 of RFC 5737: nobody's address.
OURS = "192.0.2.7"
TCP = b"  0: 00000000:0050 00000000:0000 0A\n"


def resolver(tcp=TCP, ours=OURS):
    return Resolver(
        HttpClient(),
        host_address=lambda: ours,
        listeners=lambda: (tcp, b""),
        is_ours=lambda address: address == ours,
    )


@pytest.mark.parametrize(
    ("url", "resolved"),
    [
        ("/cam/?action=snapshot", "http://127.0.0.1:80/cam/?action=snapshot"),
        (f"http://{OURS}/x", "http://127.0.0.1:80/x"),
        (f"http://{OURS}:81/x", f"http://{OURS}:81/x"),
        (f"https://{OURS}/x", f"https://{OURS}/x"),
        ("http://192.0.2.8/x", "http://192.0.2.8/x"),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:9/x"),
        ("http://no.such.name.invalid/x", "http://no.such.name.invalid/x"),
        ("webrtc://cam.lan", "webrtc://cam.lan"),
        ("", ""),
    ],
)
async def test_addresses(url, resolved):
    assert await resolver().resolve(url) == resolved


async def test_without_a_listener_the_hosts_address_stays():
    assert await resolver(tcp=b"").resolve("/cam") == f"http://{OURS}/cam"


async def test_without_a_network_paths_are_on_loopback():
    assert await resolver(ours=None).resolve("/cam") == "http://127.0.0.1/cam"


def test_what_the_system_knows_of_this_host():
    assert is_ours("127.0.0.1")
    assert not is_ours(OURS)
    assert not is_ours("nonsense")
    address = host_address()
    assert address is None or is_ours(address)
    assert all(isinstance(table, bytes) for table in listeners())


async def endless(stream):
    await stream.send_all(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await stream.send_all(b"\xff\xd8" * SNAPSHOT_BYTES)


async def silent(_stream):
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("reply", "reachable"),
    [
        (response(b"\xff\xd8\xff"), True),
        (endless, True),
        (response(b"", "302 Found", Location="/there"), True),
        (response(b""), False),
        (response(b"no", "404 Not Found"), False),
        (response(b"no", "401 Unauthorized"), False),
        (response(b"", "302 Found", Location="file:///etc/passwd"), False),
        (b"junk", False),
        (silent, False),
    ],
)
async def test_snapshots(reply, reachable):
    async with open_web_server() as server:
        server.replies["/snap"] = reply
        server.replies["/there"] = response(b"\xff\xd8")
        url = f"{server.url}/snap"
        webcam = Webcam(name="Bed", stream_url="rtsp://cam.lan/x", snapshot_url=url)
        assert await resolver().test(webcam) == (url, "rtsp://cam.lan/x", reachable)


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "rtsp://127.0.0.1/x", "/etc/passwd"])
async def test_only_http_is_tried(url):
    webcam = Webcam(name="Bed", stream_url="/x", snapshot_url=url)
    assert (await resolver(tcp=b"", ours="127.0.0.1").test(webcam))[2] is False


async def test_many_tests_at_once_end():
    async with open_web_server() as server, trio.open_nursery() as nursery:
        server.replies["/snap"] = response(b"\xff\xd8")
        one = resolver()
        for _ in range(40):
            nursery.start_soon(one.reachable, f"{server.url}/snap")
    assert len(server.heads) == 40
