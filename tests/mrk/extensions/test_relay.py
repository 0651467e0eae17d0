import json
from typing import Any

import msgspec
import pytest

from mrk.api.jsonrpc import RpcAnswer
from mrk.errors import ClientError
from mrk.extensions.relay import agent_call, checked_arguments, result_of


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


@pytest.mark.parametrize("empty", [None, [], {}])
def test_params_are_left_out_when_there_are_none(empty: Any) -> None:
    call = json.loads(agent_call("look", checked_arguments(empty), 7).payload)
    assert call == {"jsonrpc": "2.0", "method": "look", "id": 7}


@pytest.mark.parametrize("some", [[1], {"a": None}])
def test_params_are_carried(some: Any) -> None:
    call = json.loads(agent_call("look", checked_arguments(some)).payload)
    assert call == {"jsonrpc": "2.0", "method": "look", "params": some}


@pytest.mark.parametrize("wrong", ["text", 0, 5, False, True])
def test_other_arguments_are_refused(wrong: Any) -> None:
    with pytest.raises(ClientError, match="arguments"):
        checked_arguments(wrong)


@pytest.mark.parametrize("result", [0, False, "", [], {}, {"state": "clear"}])
def test_any_result_but_null(result: Any) -> None:
    assert msgspec.json.decode(result_of("cam", RpcAnswer(1, raw(result), None))) == result


@pytest.mark.parametrize(
    ("error", "text"),
    [({"code": 7, "message": "no light"}, "no light"), ({}, "None"), ("dark", "dark"), (5, "5")],
)
def test_errors_are_424_with_the_agents_own_object(error: Any, text: str) -> None:
    with pytest.raises(ClientError, match=text) as failed:
        result_of("cam", RpcAnswer(1, None, raw(error)))
    assert (failed.value.status, failed.value.data) == (424, error)


def test_no_result_is_424_too() -> None:
    with pytest.raises(ClientError) as failed:
        result_of("cam", RpcAnswer(1, None, None))
    assert failed.value.status == 424
