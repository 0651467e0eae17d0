"""Klippy's JSON frames: bytes to `Frame`, requests to bytes (`klippy/webhooks.py`).

A frame is decoded once; a reply's `result` stays raw, so that it can be passed on as it came.
Python's json module, which Klipper writes with, may emit NaN, Infinity and lone surrogates,
which are no JSON: those frames take a slower way, numbers become null, surrogates U+FFFD.
"""

import json
from typing import Any

import msgspec

from mrk.errors import ClientError, MrkError
from mrk.lenient_json import decode_lenient
from mrk.status.update import StatusDelta, StatusUpdate

NOTHING = msgspec.Raw(b"")
_EMPTY_RESULTS = frozenset({b"", b"{}", b"[]", b"null", b'""', b"false", b"0", b"0.0"})
_SHOWN_BYTES = 80


class JunkFrame(MrkError):
    """A frame that is no JSON object."""


class Frame(msgspec.Struct, frozen=True):
    """A reply (`id` and `result` or `error`) or an asynchronous message (`method`, `params`).

    Everything is optional and of any type, because forks of Klipper differ.
    """

    id: Any = None
    method: Any = None
    params: msgspec.Raw = NOTHING
    result: msgspec.Raw = NOTHING
    error: Any = None


_decode = msgspec.json.Decoder(Frame).decode
_encode = msgspec.json.Encoder().encode
_decode_value = msgspec.json.Decoder().decode


def decode_frame(data: bytes) -> Frame:
    """Return the frame; raises `JunkFrame`."""
    try:
        if not data.isascii():
            data.decode()  # raw results go to clients, who would choke on broken UTF-8
        return _decode(data)
    except UnicodeDecodeError as exc:
        raise JunkFrame(f"not UTF-8 ({exc.reason}): {data[:_SHOWN_BYTES]!r}") from None
    except RecursionError:
        raise JunkFrame(f"nested too deeply: {data[:_SHOWN_BYTES]!r}") from None
    except msgspec.DecodeError:
        return _decode_lenient(data)


def _decode_lenient(data: bytes) -> Frame:
    value = _lenient(data)
    if not isinstance(value, dict):
        raise JunkFrame(f"not an object: {data[:_SHOWN_BYTES]!r}")
    return Frame(
        id=value.get("id"),
        method=value.get("method"),
        params=_raw_member(value, "params"),
        result=_raw_member(value, "result"),
        error=value.get("error"),
    )


def _raw_member(value: dict[str, Any], name: str) -> msgspec.Raw:
    return msgspec.Raw(_encode(value[name])) if name in value else NOTHING


def _lenient(data: bytes) -> Any:
    try:
        return decode_lenient(data)
    except ValueError as exc:
        raise JunkFrame(f"{exc}: {data[:_SHOWN_BYTES]!r}") from None


def decode_value(raw: msgspec.Raw) -> Any:
    """The Python value of a raw result; raises `JunkFrame`. An absent one is None."""
    if not bytes(raw).strip():
        return None
    try:
        return _decode_value(raw)
    except RecursionError:
        raise JunkFrame("nested too deeply") from None
    except msgspec.DecodeError:
        return _lenient(bytes(raw))


def is_empty(raw: msgspec.Raw) -> bool:
    """Whether a result says nothing: handlers without data answer `{}`."""
    # A result worth reading is never this short, so large ones are not copied.
    return len(view := memoryview(raw)) <= 8 and bytes(view).strip() in _EMPTY_RESULTS


def error_message(error: Any) -> str:
    """What a reply's `error` says; Klipper sends `{"error": kind, "message": text}`."""
    if isinstance(error, dict):
        error = error.get("message", error.get("error", error))
    return error if isinstance(error, str) else json.dumps(error)


def encode_request(method: str, params: dict[str, Any], id_: int | None = None) -> bytes:
    """A request; without an id Klipper runs it and answers nothing.

    Raises `ClientError` 400 when `params` cannot be written as JSON: an undecodable request
    would never be answered.
    """
    request: dict[str, Any] = {"method": method, "params": params}
    if id_ is not None:
        request["id"] = id_
    try:
        return _encode(request)
    except (TypeError, ValueError, OverflowError, RecursionError) as exc:
        raise ClientError(f"Arguments of {method} cannot be sent to Klipper: {exc}") from exc


class _Status(msgspec.Struct):
    eventtime: float = 0.0
    status: msgspec.Raw = NOTHING


_decode_status = msgspec.json.Decoder(_Status).decode


def read_update(params: msgspec.Raw) -> StatusUpdate:
    """The changed objects of `process_status_update`, still JSON text.

    What does not fit is left out, as in `read_status`.
    """
    try:
        read = _decode_status(params)
    except (msgspec.DecodeError, RecursionError):
        return StatusUpdate(*read_status(_value_or_none(params)))
    text = bytes(read.status)
    if not text.startswith(b"{") or b"{}" in text:
        return StatusUpdate(*read_status(_value_or_none(params)))
    return StatusUpdate(None, read.eventtime, text, _encode(read.eventtime))


def _value_or_none(params: msgspec.Raw) -> Any:
    try:
        return decode_value(params)
    except JunkFrame:
        return None


def read_status(params: Any) -> tuple[StatusDelta, float]:
    """`{"eventtime", "status"}` of an update or reply; what does not fit is left out."""
    if not isinstance(params, dict):
        return {}, 0.0
    status, eventtime = params.get("status"), params.get("eventtime")
    if not isinstance(status, dict):
        status = {}
    for fields in status.values():
        if type(fields) is not dict:
            status = {name: part for name, part in status.items() if type(part) is dict}
            break
    return status, eventtime if isinstance(eventtime, float | int) else 0.0
