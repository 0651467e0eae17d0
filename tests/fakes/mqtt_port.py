"""MQTT without a broker: who listens hears what a test says, and publications are kept."""

from collections.abc import Callable

import trio

from mrk.errors import ClientError

Handler = Callable[[bytes], None]


class FakeMqtt:
    """Implements `MqttPort`; `wanted`: topic -> QoS, `published`: topic, payload, QoS, retain."""

    def __init__(self) -> None:
        self.mqtt_connected = True
        self.wanted: dict[str, int | None] = {}
        self.published: list[tuple[str, bytes, int | None, bool]] = []
        self._handlers: list[tuple[str, Handler]] = []
        self._followers: list[Callable[[bool], None]] = []

    def listen(self, topic: str, handler: Handler, qos: int | None = None) -> None:
        self.wanted[topic] = qos
        self._handlers.append((topic, handler))

    def on_connection(self, handler: Callable[[bool], None]) -> None:
        self._followers.append(handler)

    def connect(self, connected: bool) -> None:
        """The broker accepts us, or is lost."""
        self.mqtt_connected = connected
        for follower in self._followers:
            follower(connected)

    async def publish(
        self, topic: str, payload: bytes, qos: int | None = None, retain: bool = False
    ) -> None:
        await trio.lowlevel.checkpoint()
        if not self.mqtt_connected:
            raise ClientError("The MQTT broker is not connected", 503)
        self.published.append((topic, payload, qos, retain))

    def say(self, topic: str, payload: bytes | str) -> None:
        """A message from the broker."""
        data = payload.encode() if isinstance(payload, str) else payload
        for listened, handler in self._handlers:
            if listened == topic:
                handler(data)
