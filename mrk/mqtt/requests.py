"""Requests over MQTT: the time stamps that mark a second delivery, and subscriptions. Pure.

A broker may deliver a message twice. `mqtt_timestamp` in a call's params tells the second one: it
is not run. All clients share one topic of answers, so `printer.objects.subscribe` has nobody to
send changes to: it answers with the current values, as `printer.objects.query` does.
"""

from collections import deque
from typing import Any

import msgspec

from mrk import json_bounds
from mrk.api import jsonrpc
from mrk.errors import ClientError

DUPLICATE = -10000
STAMP = "mqtt_timestamp"
SUBSCRIBE = "printer.objects.subscribe"
QUERY = "printer.objects.query"
REMEMBERED_STAMPS = 20
_MARKS = (STAMP.encode(), SUBSCRIBE.encode())
_URGENT = b"emergency_stop"
# A script of M112 alone.
_STOP, _STOP_BYTES = b"M112", 1000
_encode = msgspec.json.Encoder().encode


class Stamps:
    """The last time stamps, of all clients together; they outlive a lost connection."""

    def __init__(self) -> None:
        self._seen: deque[Any] = deque(maxlen=REMEMBERED_STAMPS)

    def is_new(self, stamp: Any) -> bool:
        """Whether a stamp was not among the last ones; it is then."""
        if stamp in self._seen:
            return False
        self._seen.append(stamp)
        return True


class MqttRequest(msgspec.Struct):
    """`message` is left to be answered, None when nothing is; `refused` are answers already."""

    message: bytes | None
    refused: list[bytes] = []
    batch: bool = False

    def joined(self, reply: bytes | None) -> bytes | None:
        """The answer to the whole message, `reply` being that to `message`."""
        if not self.refused:
            return reply
        if not self.batch:
            return self.refused[0]
        rest: list[bytes] = []
        if reply is not None:  # one error in place of the array when the batch was refused
            rest = [reply[1:-1] if reply.startswith(b"[") else reply]
        return jsonrpc.encode_batch([*self.refused, *rest])


def is_urgent(message: bytes) -> bool:
    """Whether a message may be an emergency stop, which overtakes what waits."""
    return _URGENT in message or (len(message) < _STOP_BYTES and _STOP in message.upper())


def prepare(message: bytes, stamps: Stamps) -> MqttRequest:
    """Take time stamps out, and calls that were delivered before."""
    if not any(mark in message for mark in _MARKS):
        return MqttRequest(message)
    try:
        value = json_bounds.decode(message, "a message")
    except ClientError:
        return MqttRequest(message)  # answered as every message that cannot be read
    refused: list[bytes] = []
    if not isinstance(value, list):
        kept = _prepared(value, stamps, refused)
        return MqttRequest(_encode(value) if kept else None, refused)
    left = [call for call in value if _prepared(call, stamps, refused)]
    return MqttRequest(_encode(left) if left or not value else None, refused, batch=True)


def _prepared(call: Any, stamps: Stamps, refused: list[bytes]) -> bool:
    """Whether a call is to be run; it is changed in place."""
    if not isinstance(call, dict):
        return True
    params = call.get("params")
    stamp = params.pop(STAMP, None) if isinstance(params, dict) else None
    if stamp is not None and not stamps.is_new(stamp):
        if call.get("id") is not None:
            text = f"Duplicate MQTT Request: {STAMP} {str(stamp)[:100]} came before"
            refused.append(jsonrpc.encode_error(call["id"], DUPLICATE, text))
        return False
    if call.get("method") == SUBSCRIBE:
        call["method"] = QUERY
    return True
