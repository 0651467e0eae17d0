"""The MQTT transport as subsystems see it, and what its parts see of each other."""

from collections.abc import Callable
from typing import Protocol


class MqttPort(Protocol):
    """The MQTT transport, for subsystems that listen or publish (`transports/mqtt`)."""

    @property
    def mqtt_connected(self) -> bool: ...

    def listen(self, topic: str, handler: Callable[[bytes], None], qos: int | None = None) -> None:
        """Have `handler(payload)` called for each message, now and after each reconnect.

        Call it before anything is served. `qos` None takes the configured default. The handler
        must not block; what it raises is logged with the topic and harms nobody else.
        """

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        """Have `handler(connected)` called when the broker has accepted us, and when it is lost.

        Call it before anything is served. The handler must not block.
        """

    async def publish(
        self, topic: str, payload: bytes, qos: int | None = None, retain: bool = False
    ) -> None:
        """Returns once the broker has it (QoS 1, 2) or it was written (QoS 0).

        Raises `ClientError` 503 when there is no broker, 529 when too much waits already.
        """


class BrokerPublisher(Protocol):
    """One connection to a broker, for who publishes over it; it ends with the connection."""

    @property
    def has_space(self) -> bool:
        """Whether `wait_for_space` would return at once."""

    async def wait_for_space(self) -> None:
        """Return once there is room for more: half of the outgoing queue is empty."""

    def post(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> None:
        """Queue a message without waiting; raises `ClientError` 529, or 413 where it is too long.

        After `wait_for_space` it is not refused with 529.
        """


OnMessage = Callable[[str, bytes, bool], None]


class BrokerClient(BrokerPublisher, Protocol):
    """One connection to a broker, for who answers clients."""

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Returns once the broker has it, or it was written; raises `ClientError`."""

    def subscribe(self, topic: str, qos: int) -> None:
        """Ask for a topic; retained messages come again, even if it was asked for before."""

    def unsubscribe(self, topic: str) -> None:
        """Hear no more of a topic."""
