"""What the MQTT transport needs of others."""

from collections.abc import Callable
from typing import Any, Protocol

from mrk.fanout import EventReader
from mrk.klippy.events import KlippyEvent
from mrk.status.subscriptions import StatusReader, Wanted


class MqttKlippy(Protocol):
    """The link to Klipper, as a publisher of its status sees it (`KlippyLink`)."""

    @property
    def klippy_state(self) -> str: ...

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]: ...

    async def subscribe_reader(self, reader: StatusReader, wanted: Wanted) -> dict[str, Any]: ...

    def unsubscribe_reader(self, reader: StatusReader) -> None: ...


class BrokerPublisher(Protocol):
    """One connection to a broker, for who publishes over it; it ends with the connection."""

    @property
    def has_room(self) -> bool:
        """Whether `room` would return at once."""

    async def room(self) -> None:
        """Return once there is room for more: half of the outgoing queue is empty."""

    def post(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> None:
        """Queue a message without waiting; raises `ClientError` 529, or 413 where it is too long.

        After `room` it is not refused with 529.
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
