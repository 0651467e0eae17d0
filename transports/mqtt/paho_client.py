"""The paho client without a socket or a thread: packets are fed to it, and go to a buffer.

Imported when `[mqtt]` is configured, in a thread: 20 ms. Who drives it feeds packets and calls
`loop_read`, `loop_write` and `loop_misc`; what arrives is noted here and taken by the driver.
"""

import struct
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, error_string
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from config.settings.mqtt import MqttSettings

PROTOCOLS = {
    "v3.1": MQTTProtocolVersion.MQTTv31,
    "v3.1.1": MQTTProtocolVersion.MQTTv311,
    "v5": MQTTProtocolVersion.MQTTv5,
}
# Of messages that the broker may send before the first of them is acknowledged (v5).
RECEIVE_MAXIMUM = 20


class UnreadablePacket(Exception):
    """The broker broke the protocol."""


class BrokerMessage(msgspec.Struct, frozen=True):
    """One message of the broker."""

    topic: str
    payload: bytes
    retain: bool


class PacketPipe:
    """Stands where paho expects a socket: whole packets in, bytes out."""

    def __init__(self) -> None:
        self._packet = b""
        self._at = 0
        self._written = bytearray()

    def offer(self, packet: bytes) -> None:
        """The packet that the next `loop_read` reads."""
        self._packet, self._at = packet, 0

    def take(self) -> bytes:
        """What was written since the last time."""
        written, self._written = bytes(self._written), bytearray()
        return written

    def recv(self, buffer_size: int) -> bytes:
        """As a socket that does not block."""
        part = self._packet[self._at : self._at + buffer_size]
        if not part:
            raise BlockingIOError
        self._at += len(part)
        return part

    def send(self, buffer: bytes | bytearray) -> int:
        """All of it."""
        self._written += buffer
        return len(buffer)

    def fileno(self) -> int:
        """None: whoever waits for a descriptor is wrong here."""
        return -1

    def setblocking(self, flag: bool) -> None:
        """It never blocks."""

    def close(self) -> None:
        """The stream behind it has its own owner."""


class PahoClient(Client):
    """`wake` is called when there is something to write.

    `messages`, `acknowledged` and `refused_topics` hold what came since the driver looked.
    """

    def __init__(self, settings: MqttSettings, client_id: str, wake: Callable[[], None]) -> None:
        self.pipe = PacketPipe()
        self.messages: deque[BrokerMessage] = deque()
        # Message identifier, and why the broker did not take it.
        self.acknowledged: deque[tuple[int, str | None]] = deque()
        self.refused_topics: deque[tuple[str, str]] = deque()
        self.accepted = False
        self.refusal: ReasonCode | None = None
        self.farewell: str | None = None
        self.max_packet_bytes: int | None = None
        self.window = RECEIVE_MAXIMUM
        self._asked: dict[int, str] = {}
        self._reading = False
        self._is_v5 = settings.mqtt_protocol == "v5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=PROTOCOLS[settings.mqtt_protocol],
            reconnect_on_failure=False,
        )
        if settings.username is not None:
            password = settings.password
            self.username_pw_set(
                settings.username.reveal(), None if password is None else password.reveal()
            )
        self.on_connect = self._on_connect_reply
        self.on_disconnect = self._on_farewell
        self.on_message = self._on_incoming
        self.on_publish = self._on_acknowledged
        self.on_subscribe = self._on_subscribed
        self.on_socket_register_write = lambda _client, _userdata, _sock: wake()

    def _create_socket(self) -> PacketPipe:
        return self.pipe

    def start(self, settings: MqttSettings, limit_bytes: int) -> None:
        """Say hello; the answer makes `accepted` true, or fills `refusal`."""
        properties = None
        if self._is_v5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.MaximumPacketSize = limit_bytes
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self.connect(
            settings.address, settings.port, keepalive=settings.keepalive_s, properties=properties
        )

    def read(self, packet: bytes) -> None:
        """Take one whole packet; raises `UnreadablePacket`."""
        self.pipe.offer(packet)
        self._reading = True
        try:
            code = self.loop_read()
        except (MQTTException, struct.error, LookupError, TypeError, ValueError) as exc:
            raise UnreadablePacket(f"{type(exc).__name__} in {packet[:20]!r}") from exc
        finally:
            self._reading = False
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS and self.refusal is None:
            raise UnreadablePacket(self.farewell or error_string(code))

    def explain(self, code: MQTTErrorCode) -> str:
        """A code of paho's in words."""
        return error_string(code)

    def ask(self, topic: str, qos: int) -> None:
        """Subscribe; a refusal appears in `refused_topics`."""
        _code, number = self.subscribe(topic, qos)
        if number is not None:
            self._asked[number] = topic

    # Callbacks: they note, and leave everything else to the driver.

    def _on_connect_reply(
        self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, said: Properties | None
    ) -> None:
        if reason.is_failure:
            self.refusal = reason
            return
        self.accepted = True
        self.max_packet_bytes = getattr(said, "MaximumPacketSize", None)
        self.window = min(self.window, getattr(said, "ReceiveMaximum", self.window))

    def _on_farewell(
        self, _c: Client, _u: Any, flags: DisconnectFlags, reason: ReasonCode, _p: Any
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.farewell = f"the broker ended the connection: {reason}"

    def _on_incoming(self, _c: Client, _u: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return  # nobody can have subscribed to it
        self.messages.append(BrokerMessage(topic, bytes(message.payload), message.retain))

    def _on_acknowledged(
        self, _c: Client, _u: Any, number: int, reason: ReasonCode, _p: Any
    ) -> None:
        if self._reading:  # otherwise it was written with QoS 0, under a number without meaning
            self.acknowledged.append((number, str(reason) if reason.is_failure else None))

    def _on_subscribed(
        self, _c: Client, _u: Any, number: int, reasons: list[ReasonCode], _p: Any
    ) -> None:
        topic = self._asked.pop(number, None)
        if topic is not None and any(reason.is_failure for reason in reasons):
            self.refused_topics.append((topic, str(reasons[0])))
