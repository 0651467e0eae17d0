"""server.mqtt.*: publish a message, and wait for one; never over MQTT itself."""

import math
from typing import Protocol

import msgspec
import trio

from mrk.api.caller import NOT_OVER_MQTT, Caller
from mrk.api.endpoint import Access, Endpoint, post
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.mqtt.payloads import decode_payload, encode_payload
from mrk.mqtt.topics import check_topic

MOST_TIMEOUT_S = 1e9


class PublishParams(msgspec.Struct, frozen=True):
    """`payload`: text as it is, null as nothing, everything else as JSON. `timeout` in seconds."""

    topic: str
    payload: object = None
    qos: int | None = None
    retain: bool = False
    timeout: float | None = None


class SubscribeParams(msgspec.Struct, frozen=True):
    """`timeout` in seconds; without it there is no limit."""

    topic: str
    qos: int | None = None
    timeout: float | None = None


class Published(msgspec.Struct, frozen=True):
    """The broker has it."""

    topic: str


class Received(msgspec.Struct, frozen=True):
    """One message; `payload` is a JSON value, or else the text."""

    topic: str
    payload: object


# Least time for a message that is written and not acknowledged, as a rule within a millisecond.
WRITTEN_S = 1.0


class BrokerMessages(Protocol):
    """The transport, as far as clients reach it."""

    def check_escalation(self, topic: str, role: Role) -> None: ...

    async def publish(
        self, topic: str, payload: bytes, qos: int | None = None, retain: bool = False
    ) -> None: ...

    def is_acknowledged(self, qos: int | None) -> bool:
        """Whether the broker says that it has a message of that QoS."""

    async def next_payload(self, topic: str, qos: int | None, limit_s: float) -> bytes | None: ...


class MqttEndpoints:
    """The declarations and handlers."""

    def __init__(self, mqtt: BrokerMessages) -> None:
        self._mqtt = mqtt

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            post(
                "/server/mqtt/publish",
                self.publish_message,
                "Publish to an MQTT topic; answers once the broker has the message.",
                Access.OPERATE,
                PublishParams,
                Published,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/server/mqtt/subscribe",
                self.next_message,
                "Wait for the next message on an MQTT topic.",
                Access.OPERATE,
                SubscribeParams,
                Received,
                transports=NOT_OVER_MQTT,
            ),
        ]

    async def publish_message(self, params: PublishParams, caller: Caller) -> Published:
        """Raises `ClientError`: 400, 413, 503, 504, 529."""
        self._mqtt.check_escalation(params.topic, caller.role)
        payload, limit_s = encode_payload(params.payload), _limit_s(params.timeout)
        if not self._mqtt.is_acknowledged(params.qos):
            limit_s = max(limit_s, WRITTEN_S)  # no broker is waited for
        with trio.move_on_after(limit_s) as scope:
            await self._mqtt.publish(params.topic, payload, params.qos, params.retain)
        if scope.cancelled_caught:
            text = f"The broker has not acknowledged the message within {params.timeout} s"
            raise ClientError(f"{text}; it may still be delivered", 504)
        return Published(params.topic)

    async def next_message(self, params: SubscribeParams, _caller: Caller) -> Received:
        """Raises `ClientError`: 400, 403 (refused by the broker), 503, 504."""
        topic, limit_s = check_topic(params.topic), _limit_s(params.timeout)
        payload = await self._mqtt.next_payload(topic, params.qos, limit_s)
        if payload is None:
            raise ClientError(f"No message on {topic[:200]} within {params.timeout} s", 504)
        return Received(topic, decode_payload(payload))


def _limit_s(timeout: float | None) -> float:
    """What a client asked for; raises `ClientError` 400."""
    if timeout is None:
        return math.inf
    if not 0 <= timeout <= MOST_TIMEOUT_S:
        text = f"timeout: {timeout} is out of range (expected 0 to {MOST_TIMEOUT_S:.0f} s)"
        raise ClientError(text)
    return timeout
