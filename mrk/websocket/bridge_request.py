"""The bridge's rule for what may reach Klippy's socket (`klippy/webhooks.py`, `WebRequest`).

Klippy never answers what it cannot decode and reads ETX as the end of a request, so a message is
checked here first. Nothing but method, id and the outer shape is decoded; the bytes go through.
"""

import msgspec

from mrk import json_bounds
from mrk.definitions.limits import ARGUMENTS_BYTES
from mrk.errors import ClientError
from mrk.klippy.etx import ETX


class BridgeRefusal(Exception):
    """A message that must not be forwarded; `reply` is the answer in Klippy's shape."""

    def __init__(self, reply: bytes) -> None:
        super().__init__(reply)
        self.reply = reply


class _Request(msgspec.Struct):
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Named(msgspec.Struct):
    id: msgspec.Raw = msgspec.Raw(b"null")


_request = msgspec.json.Decoder(_Request).decode
_named = msgspec.json.Decoder(_Named).decode
_encode = msgspec.json.Encoder().encode


def klippy_request(message: str | bytes) -> bytes:
    """Return the bytes of one request, without ETX; raises `BridgeRefusal`."""
    try:
        data = message.encode() if isinstance(message, str) else message
        if ETX in data:
            raise ValueError("byte 0x03 inside a message")
        if not data.isascii() and isinstance(message, bytes):
            data.decode()
        _check(data)
    except RecursionError:
        raise BridgeRefusal(_answer(b"null", "Invalid request: nested too deeply")) from None
    except (ValueError, msgspec.DecodeError, ClientError) as exc:
        raise BridgeRefusal(_answer(_id_of(message), f"Invalid request: {exc}")) from None
    return data


def _check(data: bytes) -> None:
    """Klipper decodes all of it between two steps of its motion."""
    if len(data) > ARGUMENTS_BYTES:
        raise ValueError(f"larger than {ARGUMENTS_BYTES} bytes")
    json_bounds.check(data, "the request")
    if memoryview(_request(data).params)[0] != ord("{"):
        raise ValueError("params must be an object")


def _id_of(message: str | bytes) -> bytes:
    try:
        id_ = bytes(_named(message).id)
        id_.decode()
        return id_
    except (ValueError, msgspec.DecodeError, RecursionError):
        return b"null"


def _answer(id_: bytes, text: str) -> bytes:
    error = _encode({"error": "WebRequestError", "message": text})
    return b'{"id":' + id_ + b',"error":' + error + b"}"
