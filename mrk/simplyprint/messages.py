"""Messages between SimplyPrint's cloud and a printer: `{"type": ..., "data": ...}`. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from mrk import foreign_json
from mrk.foreign_json import NotJson

# Nothing honest that the cloud says is longer; what it is sent may be a picture.
MOST_BYTES = 1024 * 1024
# What may be said before the printer belongs to an account.
BEFORE_SETUP = frozenset(
    {"connection", "firmware", "machine_data", "ping", "shutdown", "state_change"}
)


class CloudMessage(msgspec.Struct, frozen=True):
    """`data` is empty where there is none."""

    type: str
    data: Mapping[str, Any] = {}


class _Frame(msgspec.Struct):
    type: str
    data: Any = None


def read_message(text: str | bytes) -> CloudMessage | None:
    """None for what is no message."""
    try:
        frame = foreign_json.decode(text, _Frame)
    except NotJson:
        return None
    return CloudMessage(frame.type, frame.data if isinstance(frame.data, dict) else {})


def encode_message(kind: str, data: Mapping[str, Any] | None = None) -> str:
    """A text frame."""
    frame = {"type": kind} if data is None else {"type": kind, "data": data}
    return msgspec.json.encode(frame).decode()
