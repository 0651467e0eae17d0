"""JSON-RPC 2.0 as Moonraker speaks it: bytes to calls, results to bytes.

Endpoint errors keep their HTTP status as the code, except 404 and 401. No I/O, no dispatch:
`mrk/api/rpc.py` runs what this decodes.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from mrk import json_bounds
from mrk.errors import ClientError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602

_STATUS_CODES = {404: METHOD_NOT_FOUND, 401: INVALID_PARAMS}
_encode = msgspec.json.Encoder().encode
Id = Any  # JSON text (`msgspec.Raw`), or a value; None stands for a notification
_SPACE = b" \t\r\n"
_ABSENT = msgspec.Raw(b"")
# A message of so much is decoded in one go: it holds no more than a thousand values.
USUAL_BYTES = 2048
_NULL = msgspec.Raw(b"null")
_OBJECT = ord("{")
_VERSION = msgspec.Raw(b'"2.0"')


class RpcError(Exception):
    """A message that is no proper call; `id` is what could be read of it.

    `answer` is what it is when its id is that of a request of ours: an answer without a result.
    """

    def __init__(
        self, code: int, message: str, id: Id = None, answer: "RpcAnswer | None" = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.id = id
        self.answer = answer


class RpcCall(msgspec.Struct, frozen=True):
    """A request, or a notification when `id` is None; `params` are an object.

    It is undecoded where the message is larger than `USUAL_BYTES`.
    """

    jsonrpc: Literal["2.0"]
    method: str
    params: msgspec.Raw | dict[str, Any] | None
    id: Id


class RpcAnswer(msgspec.Struct, frozen=True):
    """A client's response to a request of ours; `result` and `error` are undecoded."""

    id: Id
    result: msgspec.Raw | None
    error: msgspec.Raw | None


class _Message(msgspec.Struct):
    """Nothing within is decoded, and other members are passed over."""

    jsonrpc: msgspec.Raw = _ABSENT
    method: msgspec.Raw = _ABSENT
    params: msgspec.Raw = _ABSENT
    id: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _UsualCall(RpcCall, frozen=True):
    params: dict[str, Any] | None = None
    id: int | str | None = None


_usual_call = msgspec.json.Decoder(_UsualCall).decode
_message = msgspec.json.Decoder(_Message).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_skim = msgspec.json.Decoder(msgspec.Raw).decode
_text = msgspec.json.Decoder(str).decode
_plain = msgspec.json.Decoder(int | float | str).decode


def is_batch(message: bytes | str) -> bool:
    """Whether a message can only be an array."""
    if isinstance(message, str):
        return message[:1] != "{" and message.lstrip()[:1] == "["
    return message[:1] != b"{" and message.lstrip(_SPACE)[:1] == b"["


def batch(message: bytes, most_values: int) -> Sequence[msgspec.Raw]:
    """The undecoded elements of an array; raises `RpcError` -32700, -32600."""
    try:
        _check_unicode(message)
        _skim(message)
        json_bounds.check(message, "a batch", most_values)
        return _elements(message)
    except ClientError as exc:
        raise RpcError(INVALID_REQUEST, f"Invalid Request: {exc.message}") from None
    except RecursionError:
        raise RpcError(PARSE_ERROR, "Parse error: nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RpcError(PARSE_ERROR, f"Parse error: {exc}") from None


def parse(message: bytes | str | msgspec.Raw) -> RpcCall | RpcAnswer:
    """Parse one message or batch element; raises `RpcError` -32700, -32600 or -32602."""
    call = None if isinstance(message, msgspec.Raw) else usual_call(message)
    return parse_other(message) if call is None else call


def parse_other(message: bytes | str | msgspec.Raw) -> RpcCall | RpcAnswer:
    """The same for what is no usual call, or was not looked at as one."""
    found = _outline(message)
    # A copy, so that a call does not keep its whole message.
    id_ = None if found.id in (_ABSENT, _NULL) else found.id.copy()
    if found.jsonrpc != _VERSION:
        raise RpcError(INVALID_REQUEST, 'Invalid Request: jsonrpc must be "2.0"', id_)
    if found.method == _ABSENT and (found.result != _ABSENT or found.error != _ABSENT):
        return RpcAnswer(_answered(id_), _given(found.result), _given(found.error))
    try:
        method = _text(found.method)
    except (msgspec.DecodeError, UnicodeDecodeError):
        text = "Invalid Request: method must be a text"
        bare = RpcAnswer(_answered(id_), None, None) if found.method == _ABSENT else None
        raise RpcError(INVALID_REQUEST, text, id_, bare) from None
    params = _given(found.params)
    if params is not None and memoryview(params)[0] != _OBJECT:
        raise RpcError(INVALID_PARAMS, "Invalid params: params must be an object", id_)
    return RpcCall("2.0", method, params, id_)


def usual_call(message: bytes | str) -> RpcCall | None:
    """A call without anything unusual, in half the time; None for all else, right or wrong."""
    if len(message) > USUAL_BYTES:
        return None
    try:
        # `_check_unicode`, without a call for each message.
        if isinstance(message, bytes) and not message.isascii():
            message.decode()
        return _usual_call(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _outline(message: bytes | str | msgspec.Raw) -> _Message:
    try:
        if isinstance(message, bytes):
            _check_unicode(message)
        return _message(message)
    except RecursionError:
        raise RpcError(PARSE_ERROR, "Parse error: nested too deeply") from None
    except msgspec.ValidationError:
        raise RpcError(INVALID_REQUEST, "Invalid Request: a message must be an object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise RpcError(PARSE_ERROR, f"Parse error: {exc}") from None


def _check_unicode(message: bytes) -> None:
    """Raise `UnicodeDecodeError` for what is no UTF-8, which is not seen in undecoded parts."""
    if not message.isascii():
        message.decode()


def _given(part: msgspec.Raw) -> msgspec.Raw | None:
    return None if part in (_ABSENT, _NULL) else part


def _answered(id_: Id) -> int | float | str | None:
    """The id of an answer as a value; None for one that was never given out."""
    try:
        return None if id_ is None else _plain(id_)
    except msgspec.DecodeError:
        return None


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
