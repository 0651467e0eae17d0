import json
from collections.abc import Coroutine
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.access.reasons import Reason
from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.api.endpoint import Access, Endpoint, NoParams
from mrk.api.jsonrpc import RpcAnswer
from mrk.api.rpc import DEFERRED, MAX_BATCH_ANSWER_BYTES, Busy, Rpc
from mrk.api.table import Table
from mrk.errors import ClientError, Transient


class Greet(msgspec.Struct, frozen=True):
    name: str


def greet(params: Greet, _caller: Caller) -> str:
    return f"hello {params.name}"


async def later(params: Greet, _caller: Caller) -> str:
    return f"later {params.name}"


def broken(_params: NoParams, _caller: Caller) -> str:
    raise RuntimeError("a bug")


def unencodable(_params: NoParams, _caller: Caller) -> object:
    return object()


async def refused(_params: NoParams, _caller: Caller) -> str:
    raise ClientError("not here", 424, {"why": 1})


async def away(_params: NoParams, _caller: Caller) -> str:
    raise Transient("gone fishing")


def missing(_params: NoParams, _caller: Caller) -> str:
    raise ClientError("no such item", 404)


def whoami(_params: NoParams, caller: Caller) -> bool:
    return caller.authorized


async def nothing() -> None:
    return None


def much(_params: NoParams, _caller: Caller) -> str:
    return "x" * (MAX_BATCH_ANSWER_BYTES // 2)


ENDPOINTS = [
    Endpoint("/much", ("GET",), NoParams, much, "", access=Access.ADMIN),
    Endpoint("/greet", ("GET",), Greet, greet, "", access=Access.ADMIN),
    Endpoint("/later", ("GET",), Greet, later, "", access=Access.ADMIN),
    Endpoint("/stop", ("POST",), NoParams, refused, "", access=Access.ADMIN, urgent=True),
    Endpoint("/broken", ("GET",), NoParams, broken, "", access=Access.ADMIN),
    Endpoint("/unencodable", ("GET",), NoParams, unencodable, "", access=Access.ADMIN),
    Endpoint("/refused", ("GET",), NoParams, refused, "", access=Access.ADMIN),
    Endpoint("/away", ("GET",), NoParams, away, "", access=Access.ADMIN),
    Endpoint("/missing", ("GET",), NoParams, missing, "", access=Access.ADMIN),
    Endpoint("/whoami", ("GET",), NoParams, whoami, "", access=Access.ADMIN),
    Endpoint(
        "/socket",
        ("GET",),
        NoParams,
        whoami,
        "",
        access=Access.ADMIN,
        transports=EVERYWHERE - {Transport.HTTP_RPC},
    ),
]
RPC = Rpc(Table(ENDPOINTS), nothing, 20)
FRIEND = Caller(Transport.WEBSOCKET)


def run(pending: Coroutine[Any, Any, bytes | None]) -> bytes | None:
    """Handlers of this test never wait, so a coroutine ends at its first step."""
    with pytest.raises(StopIteration) as end:
        pending.send(None)
    return end.value.value  # type: ignore[no-any-return]


def ask(message: Any, caller: Caller = FRIEND, busy: Busy = Busy.NO) -> Any:
    raw = message if isinstance(message, bytes) else json.dumps(message).encode()
    outcome = RPC.handle(raw, lambda: caller, busy)
    reply = outcome.value if outcome.pending is None else run(outcome.pending)
    return None if reply is None else json.loads(reply)


def call(method: str, params: Any = None, id_: Any = 1) -> dict[str, Any]:
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params is not None:
        message["params"] = params
    if id_ is not None:
        message["id"] = id_
    return message


@pytest.mark.parametrize("method", ["greet", "later"])
@pytest.mark.parametrize("id_", [0, 1, "x", 1.5, [1], {"a": 1}, False])
def test_success_echoes_any_id(method: str, id_: Any) -> None:
    reply = ask(call(method, {"name": "bed"}, id_))
    assert reply["id"] == id_
    assert reply["result"].endswith("bed")
    assert set(reply) == {"jsonrpc", "result", "id"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"{", -32700),
        (b"", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 200_000, -32700),
        (5, -32600),
        ("text", -32600),
        (None, -32600),
        ({}, -32600),
        ({"jsonrpc": "1.0", "method": "greet", "id": 1}, -32600),
        ({"jsonrpc": "2.0", "method": 5, "id": 1}, -32600),
        ({"jsonrpc": "2.0", "id": 1}, -32600),
        (call("nope"), -32601),
        (call("missing"), -32601),
        (call("greet", [1]), -32602),
        (call("greet", []), -32602),
        (call("greet"), 400),
        (call("greet", {"name": None}), 400),
        (call("refused"), 424),
        (call("away"), 503),
        (call("broken"), 500),
        (call("unencodable"), 500),
    ],
)
def test_error_codes(message: Any, code: int) -> None:
    assert ask(message)["error"]["code"] == code


def test_data_travels_only_with_its_error() -> None:
    assert ask(call("refused"))["error"]["data"] == {"why": 1}
    assert "data" not in ask(call("missing"))["error"]


@pytest.mark.parametrize("params", [None, {}])
def test_absent_or_empty_params(params: Any) -> None:
    assert ask(call("whoami", params))["result"] is True
    assert ask({"jsonrpc": "2.0", "method": "whoami", "params": None, "id": 1})["result"] is True


@pytest.mark.parametrize("busy", [Busy.NO, Busy.REFUSE])
@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("greet", {"name": "x"}),
        ("later", {"name": "x"}),
        ("greet", {}),
        ("greet", [1]),
        ("refused", {}),
        ("broken", {}),
        ("nope", {}),
    ],
)
def test_a_notification_is_never_answered(method: str, params: Any, busy: Busy) -> None:
    notification = call(method, params, None)
    assert ask(notification, busy=busy) is None
    assert ask({**notification, "id": None}, busy=busy) is None
    if busy is Busy.NO:
        assert ask([notification, notification]) is None
        assert [reply["id"] for reply in ask([notification, call("greet", {"name": "x"})])] == [1]


def test_strangers_are_unauthorized() -> None:
    stranger = Caller(Transport.WEBSOCKET, False, 1, "203.0.113.9", reason=Reason.STRANGER)
    error = ask(call("whoami"), stranger)["error"]
    # Programs compare the message; people read the data.
    assert (error["code"], error["message"]) == (-32602, "Unauthorized")
    assert "203.0.113.9 is not among trusted_clients in [authorization]" in error["data"]
    rebound = Caller(Transport.WEBSOCKET, False, 1, "10.0.0.2", reason=Reason.FOREIGN_HOST)
    error = ask(call("whoami"), rebound)["error"]
    assert error["code"] == 403
    assert "allowed_hosts" in error["message"]
    assert "trusted_proxies" in error["message"]


def test_refused_callers_are_told_to_who_logs_them() -> None:
    told: list[tuple[str, str]] = []
    table = Table(ENDPOINTS)
    rpc = Rpc(table, nothing, 10, denied=lambda who, why: told.append((who, why)))

    def refuse(caller: Caller) -> None:
        rpc.handle(json.dumps(call("whoami")), lambda: caller)
        rpc.handle(json.dumps(call("missing")), lambda: caller)

    refuse(Caller(Transport.WEBSOCKET, False, 1, "203.0.113.9", reason=Reason.STRANGER))
    refuse(Caller(Transport.MQTT, False, reason=Reason.LOGIN_REQUIRED))
    assert [who for who, _why in told] == ["203.0.113.9"] * 2 + ["mqtt"] * 2
    assert "trusted_clients" in told[0][1]
    assert "force_logins" in told[3][1]
    rpc.handle(json.dumps(call("missing")), lambda: FRIEND)
    assert len(told) == 4


def test_a_method_absent_from_the_transport_is_unknown() -> None:
    assert ask(call("socket"), Caller(Transport.HTTP_RPC))["error"]["code"] == -32601


def test_responses_of_clients_are_dropped() -> None:
    assert ask({"jsonrpc": "2.0", "result": 1, "id": 5}) is None


class Receiver:
    def __init__(self) -> None:
        self.heard: list[tuple[RpcAnswer, Caller]] = []

    def on_answer(self, answer: RpcAnswer, caller: Caller) -> bool:
        self.heard.append((answer, caller))
        return answer.id == 5


def test_responses_of_clients_reach_the_receiver_and_get_no_reply() -> None:
    receiver = Receiver()
    rpc = Rpc(Table(ENDPOINTS), nothing, 20, receiver)
    answers: list[Any] = [
        {"jsonrpc": "2.0", "result": None, "id": 5},
        {"jsonrpc": "2.0", "error": {"code": 1}, "id": "x"},
    ]
    for answer in answers:
        outcome = rpc.handle(json.dumps(answer).encode(), lambda: FRIEND)
        assert outcome.pending is None
        assert outcome.value is None
    batch = rpc.handle(json.dumps(answers).encode(), lambda: FRIEND).pending
    assert batch is not None
    assert run(batch) is None
    error = msgspec.Raw(b'{"code": 1}')
    wanted = [(RpcAnswer(5, None, None), FRIEND), (RpcAnswer("x", None, error), FRIEND)]
    assert receiver.heard == wanted * 2


def test_a_message_of_an_id_alone_is_an_answer_only_where_one_is_owed() -> None:
    receiver = Receiver()
    rpc = Rpc(Table(ENDPOINTS), nothing, 20, receiver)

    def reply(message: dict[str, Any]) -> Any:
        value = rpc.handle(json.dumps(message).encode(), lambda: FRIEND).value
        return None if value is None else json.loads(value)

    assert reply({"jsonrpc": "2.0", "id": 5}) is None
    assert receiver.heard == [(RpcAnswer(5, None, None), FRIEND)]
    for id_ in (6, "x", [1]):
        refused = reply({"jsonrpc": "2.0", "id": id_})
        assert (refused["error"]["code"], refused["id"]) == (-32600, id_)
    with_method = reply({"jsonrpc": "2.0", "id": 5, "method": None})
    assert with_method["error"]["code"] == -32600


def test_batches_answer_in_order_without_silent_ones() -> None:
    replies = ask(
        [call("later", {"name": "a"}, 1), call("greet", {"name": "b"}, None), 5, call("x")]
    )
    assert [reply["id"] for reply in replies] == [1, None, 1]
    assert replies[1]["error"]["code"] == -32600


def test_an_empty_batch_is_no_request() -> None:
    for empty in (b"[]", b" [ ] "):
        reply = ask(empty)
        assert (reply["error"]["code"], reply["id"]) == (-32600, None)


def test_each_element_of_a_batch_is_judged_by_itself() -> None:
    assert [(r["error"]["code"], r["id"]) for r in ask([1, [], {"id": 4}])] == [
        (-32600, None),
        (-32600, None),
        (-32600, 4),
    ]


def test_a_batch_of_too_many_values_or_bytes_is_refused_before_it_is_decoded() -> None:
    assert ask(b"[" + b"1," * 600_000 + b"1]")["error"]["code"] == -32600
    inner = json.dumps([call("greet", {"name": "b", "other": [[]] * 50_000})]).encode()
    assert ask(inner)["error"]["code"] == -32600
    long = call("greet", {"name": "[,:]" * 200_000})
    assert len(ask([long])) == 1  # separators within a text are none
    assert ask([long, long])["error"]["code"] == -32600


def test_a_batch_at_its_limit_and_one_over() -> None:
    one = call("greet", {"name": "b"})
    assert len(ask([one] * 20)) == 20
    assert ask([one] * 21)["error"]["code"] == -32600


def test_the_answers_of_a_batch_are_bounded() -> None:
    replies = ask([call("much", id_=number) for number in range(4)])
    assert [("result" in reply, reply["id"]) for reply in replies] == [
        (True, 0),
        (True, 1),
        (False, 2),
        (False, 3),
    ]
    assert replies[2]["error"]["code"] == 413


def test_a_caller_who_logs_in_within_a_batch_is_let_in() -> None:
    callers = iter([Caller(Transport.UNIX, authorized=False), Caller(Transport.UNIX)])
    batch = json.dumps([call("whoami"), call("whoami")]).encode()
    pending = RPC.handle(batch, lambda: next(callers)).pending
    assert pending is not None
    first, second = json.loads(run(pending) or b"")
    assert first["error"]["code"] == -32602
    assert second["result"] is True


def test_a_busy_client_is_refused_what_must_wait_except_urgent_calls() -> None:
    busy = Busy.REFUSE
    assert ask(call("later", {"name": "x"}), busy=busy)["error"]["code"] == 429
    assert ask([call("greet", {"name": "x"})], busy=busy)["error"]["code"] == 429
    assert ask(call("greet", {"name": "x"}), busy=busy)["result"] == "hello x"
    assert ask(call("stop"), busy=busy)["error"]["code"] == 424


def test_of_a_busy_client_is_deferred_what_must_wait_except_urgent_calls() -> None:
    def handled(message: Any) -> Any:
        return RPC.handle(json.dumps(message).encode(), lambda: FRIEND, Busy.DEFER)

    assert handled(call("later", {"name": "x"})) is DEFERRED
    assert handled({**call("later", {"name": "x"}), "id": None}) is DEFERRED
    assert handled([call("greet", {"name": "x"})]) is DEFERRED
    assert ask(call("greet", {"name": "x"}), busy=Busy.DEFER)["result"] == "hello x"
    assert ask(call("later", {"nome": "x"}), busy=Busy.DEFER)["error"]["code"] == 400
    assert ask(call("stop"), busy=Busy.DEFER)["error"]["code"] == 424


def test_who_may_not_call_gets_no_argument_decoded() -> None:
    deep = b"[" * 500 + b" " * 2000 + b"]" * 500
    junk = b'{"jsonrpc":"2.0","method":"%s","params":{"name":' + deep + b'},"id":1}'
    stranger = Caller(Transport.WEBSOCKET, authorized=False)
    assert ask(junk.replace(b"%s", b"greet"), stranger)["error"]["message"] == "Unauthorized"
    assert ask(junk.replace(b"%s", b"nope"))["error"]["code"] == -32601
    assert "levels" in ask(junk.replace(b"%s", b"greet"))["error"]["message"]


def test_what_a_method_does_not_know_is_passed_over() -> None:
    other = b"[" + b"[]," * 900_000 + b"1]"
    message = b'{"jsonrpc":"2.0","other":%b,"method":"greet","params":{"name":"x"},"id":1}' % other
    assert ask(message)["result"] == "hello x"
    message = b'{"jsonrpc":"2.0","method":"whoami","params":{"a":[%b},"id":1}' % other[-400_001:]
    assert ask(message)["result"] is True


def test_arguments_over_a_mebibyte_are_refused() -> None:
    reply = ask(call("greet", {"name": "x" * 1024 * 1024}))
    assert reply["error"]["code"] == 413


@given(st.binary(max_size=200))
def test_any_bytes_get_an_answer(message: bytes) -> None:
    reply = ask(message)
    assert reply is None or "error" in reply


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
)


@given(st.dictionaries(st.sampled_from(["jsonrpc", "method", "params", "id"]), json_values))
def test_any_object_gets_at_most_one_reply(message: dict[str, Any]) -> None:
    reply = ask(message)
    assert reply is None or ("error" in reply) != ("result" in reply)
