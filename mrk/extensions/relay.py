"""The wire side of calls relayed to an agent: the messages it gets, and what its answers mean.

Pure. An agent's answer is read here; who waits for it is known to `nurseries/extensions`.
"""

from typing import Any

import msgspec

from mrk import json_bounds
from mrk.api.jsonrpc import RpcAnswer
from mrk.api.notification import SharedMessage
from mrk.errors import ClientError

_encode = msgspec.json.Encoder().encode
AGENT_ERROR = 424
_SHOWN_CHARS = 200


def checked_arguments(arguments: object) -> list[Any] | dict[str, Any] | None:
    """Arguments of a relayed call, None for none; raises `ClientError` 400."""
    if arguments is None or arguments == [] or arguments == {}:
        return None
    if isinstance(arguments, list | dict):
        return arguments
    raise ClientError("Argument 'arguments': an array or an object expected")


def agent_call(method: str, params: object, id_: int | None = None) -> SharedMessage:
    """A JSON-RPC request, or a notification without `id_`; empty `params` are left out."""
    call: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if params:
        call["params"] = params
    if id_ is not None:
        call["id"] = id_
    return SharedMessage(_encode(call))


def result_of(agent: str, answer: RpcAnswer) -> msgspec.Raw:
    """The agent's result; raises `ClientError` 424, its error object as data."""
    if answer.error is not None:
        error = json_bounds.decode(bytes(answer.error), f"{agent}: its error")
        text = error.get("message") if isinstance(error, dict) else error
        raise ClientError(f"{agent}: {_brief(text)}", AGENT_ERROR, error)
    if answer.result is None:
        raise ClientError(f"{agent} gave no result", AGENT_ERROR)
    return answer.result


def _brief(text: object) -> str:
    return str(text)[:_SHOWN_CHARS]
