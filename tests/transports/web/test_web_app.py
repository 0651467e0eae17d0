"""The web app alone on memory streams; real clock, because loading it takes a thread."""

import json

import pytest
import trio
import trio.testing

from mrk.definitions.limits import Limits
from mrk.http.head import RequestHead
from mrk.http.response import Response
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
    web = WebDoor(house.api, house.authorizer, broken, Limits())
    head, body = await exchange(web, page_request())
    assert head.startswith(b"HTTP/1.1 500 ")
    assert json.loads(body)["error"] == {"code": 500, "message": "Internal Server Error"}


@pytest.mark.parametrize("target", [b"/nothing", b"//", b"/%0a", b"/server/info/"])
async def test_unknown_paths(target: bytes) -> None:
    head, body = await exchange(House().web, page_request(target))
    assert head.startswith(b"HTTP/1.1 404 ")
    assert json.loads(body)["error"]["code"] == 404
    head, _ = await exchange(House().web, page_request(target), peer="10.0.0.9")
    assert head.startswith(b"HTTP/1.1 401 ")


async def test_api_answers_are_the_doors() -> None:
    house = House(cors_domains=("*",))
    request = page_request(b"/fail").replace(b"Host: a", b"Host: a\r\nOrigin: http://ok.example")
    head, body = await exchange(house.web, request)
    assert head.startswith(b"HTTP/1.1 409 ")
    assert b"access-control-allow-origin: http://ok.example" in head
    call = house.api.begin(RequestHead("GET", "/fail", "1.1", [], "127.0.0.1", "127.0.0.1"))
    assert call is not None
    assert not isinstance(call, Response)
    answer = call.run(b"")
    assert isinstance(answer, Response)
    assert body == answer.body


@pytest.mark.parametrize(("size", "status"), [(100, b"200"), (101, b"413")])
@pytest.mark.parametrize("chunked", [False, True])
async def test_the_limit_of_bodies(size: int, status: bytes, chunked: bool) -> None:
    body = b"x" * size
    framing = b"Content-Length: %d" % size
    if chunked:
        framing, body = b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (size, body)
    request = b"POST /raw HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + framing + b"\r\n\r\n"
    head, _ = await exchange(House(limits=Limits(body_bytes=100)).web, request + body)
    assert head.startswith(b"HTTP/1.1 %s " % status)


async def test_a_slow_body_is_a_408() -> None:
    house = House(limits=Limits(body_idle_s=0.1))
    request = b"POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nx"
    head, _ = await exchange(house.web, request)
    assert head.startswith(b"HTTP/1.1 408 ")
