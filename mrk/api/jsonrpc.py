"""JSON-RPC 2.0 as Moonraker speaks it: bytes to calls, results to bytes.

Endpoint errors keep their HTTP status as the code, except 404 and 401. No I/O, no dispatch:
`mrk/api/rpc.py` runs what this decodes.
"""

from typing import Any

import msgspec

from mrk.errors import ClientError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602

_STATUS_CODES = {404: METHOD_NOT_FOUND, 401: INVALID_PARAMS}
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
Id = Any  # any JSON value; None stands for a notification


class RpcError(Exception):
    """A message that is no proper call; `id` is what could be read of it."""

    def __init__(self, code: int, message: str, id: Id = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id


class RpcCall(msgspec.Struct, frozen=True):
    """A request, or a notification when `id` is None."""

    method: str
    params: dict[str, Any]
    id: Id


class RpcAnswer(msgspec.Struct, frozen=True):
    """A client's response to a request of ours."""

    id: Id
    result: Any
    error: Any


def decode(message: bytes | str) -> Any:
    """Return the JSON value of one message; raises `RpcError` -32700."""
    try:
        return _decode(message)
    except RecursionError:
        raise RpcError(PARSE_ERROR, "Parse error: nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RpcError(PARSE_ERROR, f"Parse error: {exc}") from None


def parse(value: Any) -> RpcCall | RpcAnswer:
    """Judge one decoded message or batch element; raises `RpcError` -32600 or -32602."""
    if not isinstance(value, dict):
        raise RpcError(INVALID_REQUEST, "Invalid Request: a message must be an object")
    id_ = value.get("id")
    if value.get("jsonrpc") != "2.0":
        raise RpcError(INVALID_REQUEST, 'Invalid Request: jsonrpc must be "2.0"', id_)
    if "method" not in value and ("result" in value or "error" in value):
        return RpcAnswer(id_, value.get("result"), value.get("error"))
    method = value.get("method")
    if not isinstance(method, str):
        raise RpcError(INVALID_REQUEST, "Invalid Request: method must be a text", id_)
    params = value.get("params")
    if params is None:
        params = {}
    elif not isinstance(params, dict):
        raise RpcError(INVALID_PARAMS, "Invalid params: params must be an object", id_)
    return RpcCall(method, params, id_)


def encode_result(id_: Id, result: Any) -> bytes:
    """A success reply; raises `TypeError` or `ValueError` for a result JSON cannot carry."""
    return _encode({"jsonrpc": "2.0", "result": result, "id": id_})


def around_result(id_: Id) -> tuple[bytes, bytes]:
    """What stands before and behind a result that is JSON text already."""
    return b'{"jsonrpc":"2.0","result":', b',"id":' + _encode(id_) + b"}"


def encode_error(id_: Id, code: int, message: str, data: Any = None) -> bytes:
    """An error reply; `data` is left out when it is None."""
    error = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return _encode({"jsonrpc": "2.0", "error": error, "id": id_})


def encode_client_error(id_: Id, error: ClientError) -> bytes:
    """The reply for an endpoint's error: its status is the code, save for 404 and 401."""
    code = _STATUS_CODES.get(error.status, error.status)
    return encode_error(id_, code, error.message, error.data)


def encode_batch(replies: list[bytes]) -> bytes:
    """One array of replies that are encoded already."""
    return b"[" + b",".join(replies) + b"]"
