"""Payloads: what `server.mqtt.publish` sends, what `server.mqtt.subscribe` gives back. Pure."""

from typing import Any

import msgspec

from mrk import foreign_json
from mrk.errors import ClientError
from mrk.foreign_json import NotJson

# Of what clients publish. Brokers have limits of their own, some of 1 or 2 MB.
MAX_PAYLOAD_BYTES = 1024 * 1024

ONLINE = b'{"server":"online"}'
OFFLINE = b'{"server":"offline"}'

_encode = msgspec.json.Encoder().encode


def encode_payload(payload: Any) -> bytes:
    """Text as it is, null as nothing, everything else as JSON; raises `ClientError` 400, 413."""
    if payload is None:
        return b""
    try:
        encoded = payload.encode() if isinstance(payload, str) else _encode(payload)
    except (TypeError, ValueError, RecursionError) as exc:
        raise ClientError(f"payload: cannot be encoded: {exc}") from None
    if len(encoded) > MAX_PAYLOAD_BYTES:
        text = f"payload: has {len(encoded)} bytes (expected at most {MAX_PAYLOAD_BYTES})"
        raise ClientError(text, 413)
    return encoded


def decode_payload(payload: bytes) -> Any:
    """The JSON value, or else the text; an empty message is an empty text."""
    try:
        return foreign_json.decode(payload)
    except NotJson:
        return payload.decode(errors="replace")
