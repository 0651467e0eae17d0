"""One connection to a broker: reading, writing, keeping alive. Dies with its stream.

Outgoing messages wait in one bounded queue and are handed to paho in turns, so that neither a
burst nor a slow broker holds anybody: who publishes gets 529 when the queue is full, status waits
for room and merges meanwhile. What comes in is handed to `on_message`, in order.
"""

import os
from collections import deque
from collections.abc import Callable

import msgspec
import trio

from config.settings.mqtt import MqttSettings
from mrk.errors import ClientError, Transient
from mrk.mqtt.mqtt_protocols import OnMessage
from mrk.mqtt.packets import BadPacket, PacketFilter
from transports.mqtt.paho_client import PahoClient, UnreadablePacket

READ_BYTES = 64 * 1024
# Packets are handled for so long before other tasks get their turn.
TURN_S = 0.002
# One message of the broker; larger ones are read over.
LIMIT_BYTES = 1024 * 1024
# Outgoing messages that wait, and their bytes; the largest one does not count.
QUEUE_MESSAGES = 1000
QUEUE_BYTES = 4 * 1024 * 1024
# Messages handed to paho, and then to the stream, at once: some 0.5 ms of work.
BATCH_MESSAGES = 40
BATCH_BYTES = 256 * 1024
# Of fixed header, topic length, identifier and properties.
OVERHEAD_BYTES = 32
TOO_MUCH_WAITS = 529
GOODBYE_S = 0.3


class BrokerLost(Transient):
    """The connection to the broker ended, or was refused."""


class _Outgoing(msgspec.Struct, eq=False):
    topic: str
    payload: bytes
    qos: int
    retain: bool
    # Set when the broker has it (QoS 1, 2), when it was written (QoS 0), or when it never will.
    done: trio.Event | None = None
    error: ClientError | None = None
    left: bool = False  # nobody waits for it any more, and it was not sent yet

    @property
    def size_bytes(self) -> int:
        return len(self.payload) + len(self.topic) + OVERHEAD_BYTES

    def finish(self, error: ClientError | None = None) -> None:
        self.error = error
        if self.done is not None:
            self.done.set()


class BrokerConnection:
    """Implements `BrokerClient`. `run` says hello, and serves until the broker is lost.

    `accepted` is set when the broker has let us in.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        settings: MqttSettings,
        client_id: str,
        will: tuple[str, bytes],
        on_message: OnMessage,
        on_refused: Callable[[str, str], None],
    ) -> None:
        self._stream = stream
        self._settings = settings
        self._on_message = on_message
        self._on_refused = on_refused
        self._wake = trio.Event()
        self._client = PahoClient(settings, client_id, self._wake_writer)
        topic, payload = will
        self._client.will_set(topic, payload, settings.default_qos, retain=True)
        # Nobody outside can send this by chance or on purpose.
        self._oversized = os.urandom(16)
        properties = settings.mqtt_protocol == "v5"
        self._admission = PacketFilter(LIMIT_BYTES, self._oversized, properties=properties)
        self._queue: deque[_Outgoing] = deque()
        self._queued_bytes = 0
        self._unacknowledged: dict[int, _Outgoing] = {}
        self._sending: list[_Outgoing] = []
        self._space_again = trio.Event()
        self._writing = False
        self._lost = False
        self.accepted = trio.Event()

    # Life

    async def run(self) -> None:
        """Ends only when cancelled; raises `BrokerLost`, in a group."""
        self._client.start(self._settings, LIMIT_BYTES)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write, name="mqtt writer")
            nursery.start_soon(self._keep_alive, name="mqtt keep-alive")
            await self._read()

    async def _read(self) -> None:
        while True:
            data = await self._receive()
            turn_ends = trio.current_time() + TURN_S
            try:
                for packet in self._admission.feed(data):
                    self._client.read(packet)
                    self._look()
                    if trio.current_time() > turn_ends:
                        await trio.lowlevel.checkpoint()
                        turn_ends = trio.current_time() + TURN_S
            except (BadPacket, UnreadablePacket) as exc:
                raise BrokerLost(f"the broker sent what MQTT does not allow: {exc}") from exc

    async def _receive(self) -> bytes:
        try:
            data = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise BrokerLost(self._loss()) from exc
        if not data:
            raise BrokerLost(self._loss())
        return bytes(data)

    def _loss(self) -> str:
        if self._client.accepted:
            return "the broker closed the connection"
        return (
            "the broker closed the connection before it answered; "
            "check port, enable_tls and mqtt_protocol in [mqtt]"
        )

    def _look(self) -> None:
        """See to what the last packet brought."""
        client = self._client
        if client.refusal is not None:
            text = f"the broker refuses the connection: {client.refusal}"
            raise BrokerLost(f"{text}; check username, password and client_id in [mqtt]")
        if client.accepted:
            self.accepted.set()
        if client.farewell is not None:
            raise BrokerLost(client.farewell)
        while client.messages:
            message = client.messages.popleft()
            self._on_message(message.topic, message.payload, message.retain)
        while client.acknowledged:
            number, refusal = client.acknowledged.popleft()
            outgoing = self._unacknowledged.pop(number, None)
            if outgoing is not None:
                outgoing.finish(_not_taken(outgoing.topic, refusal))
                self._wake_writer()
        while client.refused_topics:
            self._on_refused(*client.refused_topics.popleft())

    def is_oversized(self, payload: bytes) -> bool:
        """Whether this stands for a message that was too large to be read."""
        return payload == self._oversized

    def _wake_writer(self) -> None:
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            while chunk := self._next_chunk():
                if not await self._sent(chunk):
                    # The broker's last words may be unread: the reader comes to the end by itself.
                    await trio.sleep(GOODBYE_S)
                    raise BrokerLost(self._loss())
                for outgoing in self._sending:
                    outgoing.finish()
                self._sending.clear()
                self._notify_space()

    def _next_chunk(self) -> bytes:
        """Hand some messages to paho; returns what it has written of them and of its own."""
        left_bytes = BATCH_BYTES
        for _ in range(BATCH_MESSAGES):
            while self._queue and self._queue[0].left:
                self._queued_bytes -= self._queue.popleft().size_bytes
            if not self._queue or left_bytes <= 0 or not self._client.accepted:
                break
            if self._queue[0].qos and len(self._unacknowledged) >= self._client.window:
                break
            left_bytes -= self._hand_over(self._queue.popleft())
        self._client.loop_write()
        return self._client.pipe.take()

    def _hand_over(self, outgoing: _Outgoing) -> int:
        size_bytes = outgoing.size_bytes
        self._queued_bytes -= size_bytes
        info = self._client.publish(outgoing.topic, outgoing.payload, outgoing.qos, outgoing.retain)
        if info.rc:
            text = f"The MQTT client refuses the message: {self._client.explain(info.rc)}"
            outgoing.finish(ClientError(text, 503))
        elif outgoing.qos:
            self._unacknowledged[info.mid] = outgoing
        else:
            self._sending.append(outgoing)
        return size_bytes

    async def _sent(self, chunk: bytes) -> bool:
        self._writing = True
        try:
            await self._stream.send_all(chunk)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return False
        self._writing = False
        return True

    async def _keep_alive(self) -> None:
        beat_s = min(self._settings.keepalive_s / 4, 5.0)
        while True:
            await trio.sleep(beat_s)
            if self._client.loop_misc():
                raise BrokerLost(f"the broker is silent for over {self._settings.keepalive_s} s")

    async def say_goodbye(self, last: tuple[str, bytes] | None) -> None:
        """Publish a last message, if any, and disconnect, so that the will is not published.

        Only after `run` was cancelled; the caller sets the deadline. Past it there is the will.
        """
        if self._writing or not self._client.accepted:
            return
        if last is not None:
            topic, payload = last
            self._client.publish(topic, payload, self._settings.default_qos, retain=True)
        self._client.disconnect()
        self._client.loop_write()
        try:
            await self._stream.send_all(self._client.pipe.take())
            while await self._stream.receive_some(READ_BYTES):
                pass
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    def lose(self) -> None:
        """Fail everything that waits; nothing can be published after it."""
        self._lost = True
        text = "The connection to the MQTT broker was lost; the message may have been delivered"
        waiting = [*self._unacknowledged.values(), *self._sending, *self._queue]
        for outgoing in waiting:
            outgoing.finish(ClientError(text, 503))
        self._queue.clear()
        self._queued_bytes = 0

    # For who publishes and subscribes

    @property
    def _is_full(self) -> bool:
        return len(self._queue) >= QUEUE_MESSAGES or self._queued_bytes >= QUEUE_BYTES

    @property
    def has_space(self) -> bool:
        """Whether half of the queue is empty."""
        return len(self._queue) * 2 < QUEUE_MESSAGES and self._queued_bytes * 2 < QUEUE_BYTES

    async def wait_for_space(self) -> None:
        """Return once half of the queue is empty."""
        while not self.has_space:
            await self._space_again.wait()

    def _notify_space(self) -> None:
        if self.has_space:
            self._space_again.set()
            self._space_again = trio.Event()

    def post(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> None:
        """Queue a message without waiting; raises `ClientError` 529, 503 or 413."""
        self._append(_Outgoing(topic, payload, qos, retain))

    async def publish(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Returns once the broker has it, or it was written; raises `ClientError`."""
        outgoing = _Outgoing(topic, payload, qos, retain, trio.Event())
        self._append(outgoing)
        assert outgoing.done is not None
        try:
            await outgoing.done.wait()
        finally:
            outgoing.left = True
        if outgoing.error is not None:
            raise outgoing.error

    def _append(self, outgoing: _Outgoing) -> None:
        if self._lost:  # whoever is told so may try again before the next connection begins
            raise ClientError("No connection to the MQTT broker", 503)
        limit_bytes = self._client.max_packet_bytes
        if limit_bytes is not None and outgoing.size_bytes > limit_bytes:
            text = f"{outgoing.topic}: {len(outgoing.payload)} bytes"
            raise ClientError(f"{text} are more than the broker takes ({limit_bytes})", 413)
        if self._is_full:
            self._drop_left()
        if self._is_full:
            text = f"The outgoing MQTT queue is full ({len(self._queue)} messages)"
            raise ClientError(f"{text}: the broker is too slow; try again later", TOO_MUCH_WAITS)
        self._queue.append(outgoing)
        self._queued_bytes += outgoing.size_bytes
        self._wake_writer()

    def _drop_left(self) -> None:
        """Who stopped waiting for a message that was not sent yet does not want it sent."""
        self._queue = deque(one for one in self._queue if not one.left)
        self._queued_bytes = sum(one.size_bytes for one in self._queue)

    def subscribe(self, topic: str, qos: int) -> None:
        """Ask for a topic; retained messages come again, even if it was asked for before."""
        self._client.ask(topic, qos)

    def unsubscribe(self, topic: str) -> None:
        """Hear no more of a topic."""
        self._client.unsubscribe(topic)


def _not_taken(topic: str, refusal: str | None) -> ClientError | None:
    if refusal is None:
        return None
    return ClientError(f"The broker did not take the message to {topic[:200]}: {refusal}", 403)
