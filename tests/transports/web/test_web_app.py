"""The web app alone on memory streams; real clock, because loading it takes a thread."""

import json

import pytest
import trio
import trio.testing

from mrk.definitions.limits import Limits
from mrk.http.cors import CorsRules
from mrk.http.head import RequestHead
from mrk.web.landing_page import LandingFacts
from tests.fakes.http_house import House
from transports.web.web_door import WebDoor


async def exchange(web: WebDoor, data: bytes, peer: str = "127.0.0.1") -> tuple[bytes, bytes]:
    """Head and body of the one answer to a request that asks to close."""
    near, far = trio.testing.memory_stream_pair()
    method, target = data.split(b" ")[:2]
    head = RequestHead(method.decode(), target.decode(), "1.1", [], peer, peer)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(web.handle, far, head, data)
            answer = b""
            while part := await near.receive_some():
                answer += part
            nursery.cancel_scope.cancel()
    first, _, body = answer.partition(b"\r\n\r\n")
    return first, body


def page_request(target: bytes = b"/", verb: bytes = b"GET") -> bytes:
    return verb + b" " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("prefix", "target"), [("", b"/"), ("", b"/?a=b"), ("/p", b"/p"), ("/p", b"/p/")]
)
async def test_the_landing_page(prefix: str, target: bytes) -> None:
    head, body = await exchange(House(route_prefix=prefix).web, page_request(target))
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"frame-ancestors 'none'" in head
    assert b"ready" in body


async def test_strangers_see_the_page_too() -> None:
    head, body = await exchange(House().web, page_request(), peer="10.0.0.9")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"not authorized" in body
    assert b"ready" not in body


async def test_a_bug_in_a_page_is_a_json_500() -> None:
    def broken() -> LandingFacts:
        raise ValueError("a bug")

    house = House()
    web = WebDoor(CorsRules((), lambda _address: False), house.authorizer, broken, Limits())
    head, body = await exchange(web, page_request())
    assert head.startswith(b"HTTP/1.1 500 ")
    assert json.loads(body)["error"] == {"code": 500, "message": "Internal Server Error"}


@pytest.mark.parametrize("target", [b"/nothing", b"/%0a", b"/server/info/"])
async def test_unknown_paths(target: bytes) -> None:
    head, body = await exchange(House().web, page_request(target))
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body)["error"]["code"] == 404


async def test_a_page_of_another_origin_may_read_it() -> None:
    house = House(cors_domains=("*",))
    request = page_request().replace(b"Host: a", b"Host: a\r\nOrigin: http://ok.example")
    head, _ = await exchange(house.web, request)
    assert b"access-control-allow-origin: http://ok.example" in head
