import json
from typing import Any

import pytest

from mrk.api.caller import Transport
from mrk.clients.outbox import Outbox
from mrk.clients.registry import Client
from mrk.definitions.limits import ARGUMENTS_BYTES, Limits
from mrk.http.head import RequestHead
from mrk.http.response import Response
from tests.fakes.accounts import FakeAccounts, user
from tests.fakes.http_house import House
from transports.door.api_http import UNAUTHORIZED_BODY_BYTES, ApiCall

STRANGER = "10.0.0.9"
JSON = {"content_type": "application/json"}


def request(
    house: House,
    verb: str,
    target: str,
    body: bytes = b"",
    address: str = "127.0.0.1",
    **headers: str,
) -> Response | None:
    """The answer of a sync endpoint; None when a page would answer."""
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    head = RequestHead(verb, target, "1.1", pairs, address, address)
    call = house.routes.find(head)
    if not isinstance(call, ApiCall):
        return call if isinstance(call, Response) else None
    outcome = call.run(body)
    assert outcome.pending is None
    return outcome.value


def value(answer: Response | None) -> Any:
    assert answer is not None
    return json.loads(answer.body)


def status(answer: Response | None) -> int:
    assert answer is not None
    return answer.status


def test_a_result_is_wrapped() -> None:
    answer = request(House(), "GET", "/server/info")
    assert value(answer) == {"result": {"ok": True}}
    assert status(answer) == 200


@pytest.mark.parametrize(
    ("verb", "target", "address", "expected"),
    [
        ("GET", "/nothing", "127.0.0.1", 404),
        ("GET", "/nothing", STRANGER, 401),
        ("GET", "/server/info", STRANGER, 401),
        ("POST", "/server/info", "127.0.0.1", 405),
        ("POST", "/server/info", STRANGER, 401),
        ("HEAD", "/server/info", "127.0.0.1", 200),
        ("HEAD", "/echo", "127.0.0.1", 405),
        ("GET", "/server/jsonrpc", "127.0.0.1", 405),
        ("GET", "/echo?number=x", "127.0.0.1", 400),
        ("GET", "/echo?" + "a=1&" * 1001, "127.0.0.1", 400),
        ("GET", "/bug", "127.0.0.1", 500),
        ("POST", "/open", STRANGER, 200),
        ("OPTIONS", "/server/info", STRANGER, 405),
        ("OPTIONS", "/nothing", STRANGER, 404),
    ],
)
def test_statuses(verb: str, target: str, address: str, expected: int) -> None:
    answer = request(House(), verb, target, address=address)
    assert status(answer) == expected
    if expected >= 400:
        assert value(answer)["error"]["code"] == expected


def test_a_wrong_verb_names_the_right_ones() -> None:
    answer = request(House(), "DELETE", "/echo")
    assert answer is not None
    assert dict(answer.headers)["Allow"] == "GET, POST, OPTIONS"


def test_an_error_says_what_is_wrong_in_body_and_reason() -> None:
    answer = request(House(), "GET", "/fail")
    assert value(answer) == {"error": {"code": 409, "message": "no such thing:\nreally"}}
    assert answer is not None
    assert answer.reason == "no such thing: really"


def test_json_over_form_over_query() -> None:
    house = House()
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert value(request(house, "POST", "/echo?text=q&number=1", b"text=f", **form)) == {
        "result": {"text": "f", "number": 1}
    }
    body = b'{"text": "j"}'
    assert value(request(house, "POST", "/echo?text=q&number:int=1", body, **JSON)) == {
        "result": {"text": "j", "number": 1}
    }


def test_reserved_keys_stay_out() -> None:
    house = House(accounts=FakeAccounts(tokens={"a": user("ann")}))
    answer = request(house, "POST", "/raw?_=1&token=t&access_token=a&x=y")
    assert value(answer) == {"result": {"x": "y"}}


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_json_that_cannot_be_read_is_a_400(body: bytes) -> None:
    assert status(request(House(), "POST", "/echo", body, **JSON)) == 400


def test_objects_are_queried_in_their_own_way() -> None:
    answer = request(House(), "GET", "/printer/objects/query?gcode_macro%20A&toolhead=x,y")
    assert value(answer) == {"result": {"objects": {"gcode_macro A": None, "toolhead": ["x", "y"]}}}


def test_connection_id_means_an_open_websocket() -> None:
    house = House()
    outbox = Outbox(lambda payload: payload, 1000, lambda: None)
    house.clients.add(Client(5, Transport.WEBSOCKET, outbox))
    house.clients.add(Client(6, Transport.UNIX, outbox))

    def seen(query: str) -> object:
        return value(request(house, "GET", f"/caller?{query}"))["result"]["connection_id"]

    assert seen("connection_id=5") == 5
    assert seen("connection_id=6") is None
    assert seen("connection_id=7") is None
    assert seen("") is None


def test_strangers_may_send_little() -> None:
    house = House()
    head = RequestHead("POST", "/open", "1.1", [], STRANGER, STRANGER)
    call = house.routes.find(head)
    assert isinstance(call, ApiCall)
    assert call.body_bytes == UNAUTHORIZED_BODY_BYTES


def test_json_rpc() -> None:
    house = House()

    def rpc(body: bytes, address: str = "127.0.0.1") -> Any:
        answer = request(house, "POST", "/server/jsonrpc", body, address, **JSON)
        assert status(answer) == 200
        return value(answer) if answer is not None and answer.body else None

    assert rpc(b'{"jsonrpc":"2.0","method":"server.info","id":0}')["result"] == {"ok": True}
    assert rpc(b'{"jsonrpc":"2.0","method":"server.info"}') is None
    assert rpc(b'{"jsonrpc":"2.0","method":"sockets","id":1}')["error"]["code"] == -32601
    assert rpc(b"{")["error"]["code"] == -32700
    refused = rpc(b'{"jsonrpc":"2.0","method":"server.info","id":1}', STRANGER)
    assert (refused["error"]["code"], refused["error"]["message"]) == (-32602, "Unauthorized")
    assert f"{STRANGER} is not among trusted_clients" in refused["error"]["data"]


def test_json_rpc_wants_json() -> None:
    assert status(request(House(), "POST", "/server/jsonrpc", b"{}")) == 400


async def test_a_batch_over_http() -> None:
    house = House()
    head = RequestHead(
        "POST", "/server/jsonrpc", "1.1", [("content-type", "application/json")], "::1", "::1"
    )
    call = house.routes.find(head)
    assert isinstance(call, ApiCall)
    answer = call.run(b'[{"jsonrpc":"2.0","method":"server.info","id":1}, 5]')
    assert answer.pending is not None
    replies = json.loads((await answer.wait()).body)
    assert [reply.get("error", {}).get("code") for reply in replies] == [None, -32600]


def test_other_origins() -> None:
    house = House(cors_domains=("http://ok.example",))
    for target in ("/server/info", "/nothing", "/fail"):
        answer = request(house, "GET", target, origin="http://ok.example")
        assert answer is not None
        assert ("Access-Control-Allow-Origin", "http://ok.example") in answer.headers
        other = request(house, "GET", target, origin="http://evil.example")
        assert other is not None
        assert "Access-Control-Allow-Origin" not in dict(other.headers)
    preflight = request(house, "OPTIONS", "/echo", address=STRANGER, origin="http://ok.example")
    assert status(preflight) == 204
    assert status(request(house, "OPTIONS", "/", origin="http://ok.example")) == 204


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://ok.example", 302),
        ("http://ok.example/", 302),
        ("http://ok.example/path", 400),
        ("http://evil.example", 400),
        ("javascript:alert(1)", 400),
        ("http://ok.example%0d%0aX:y", 400),
        ("", 400),
    ],
)
def test_redirect(url: str, expected: int) -> None:
    house = House(cors_domains=("http://ok.example",))
    answer = request(house, "GET", f"/server/redirect?url={url}", address=STRANGER)
    assert status(answer) == expected
    if expected == 302:
        assert answer is not None
        assert dict(answer.headers)["Location"] == url


def test_a_redirect_never_leaves_the_web() -> None:
    house = House(cors_domains=("*",))
    assert status(request(house, "GET", "/server/redirect?url=javascript:alert(1)")) == 400


def test_a_route_prefix() -> None:
    house = House(route_prefix="/printer1")
    assert status(request(house, "GET", "/printer1/server/info")) == 200
    assert status(request(house, "GET", "/server/info")) == 404
    assert status(request(house, "GET", "/printer10/server/info")) == 404
    assert status(request(house, "GET", "/")) == 404
    assert request(house, "GET", "/printer1") is None
    assert request(house, "GET", "/printer1/") is None


@pytest.mark.parametrize(
    ("target", "limits", "body_bytes"),
    [
        ("/raw", Limits(), ARGUMENTS_BYTES),
        ("/raw", Limits(body_bytes=77), 77),
        ("/store", Limits(), 16 * 1024 * 1024),
        ("/store", Limits(body_bytes=77), 77),
        ("/server/jsonrpc", Limits(), 10 * 1024 * 1024),
        ("/server/jsonrpc", Limits(message_bytes=88), 88),
    ],
)
def test_the_largest_body(target: str, limits: Limits, body_bytes: int) -> None:
    house = House(limits=limits)
    call = house.routes.find(RequestHead("POST", target, "1.1", [], "127.0.0.1", "127.0.0.1"))
    assert isinstance(call, ApiCall)
    assert call.body_bytes == body_bytes


def test_a_large_value_stays_text_and_other_members_are_bounded() -> None:
    house, many = House(), b"[" + b"[]," * 600_000 + b"1]"
    answer = request(house, "POST", "/store", b'{"value":' + many + b"}", **JSON)
    assert value(answer) == {"result": len(many)}
    names = b'{"text":[' + b'"x",' * 60_000 + b'"x"]}'
    assert "values" in value(request(house, "POST", "/echo", names, **JSON))["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[1]", b"5", b"\xff", b'"\xed\xa0\x80"', b"[" * 100_000, b'{"a":' * 100_000],
)
@pytest.mark.parametrize("target", ["/echo", "/raw", "/caller", "/store"])
def test_json_that_is_refused(target: str, body: bytes) -> None:
    answer = request(House(), "POST", target, body, **JSON)
    assert status(answer) == 400
