"""JSON-RPC over one connection: requests wait in a bounded backlog, answers go to one topic.

The reader hands requests over and never waits: it must go on to read what the broker acknowledges.
Requests are taken up while there is room for their answers, and no other one holds them back. Calls
run as tasks of the connection.
"""

import logging
from collections import deque
from collections.abc import Callable
from sys import getsizeof

import trio

from config.settings.mqtt import MqttSettings
from mrk.api import jsonrpc
from mrk.api.caller import Caller, Transport
from mrk.api.outcome import MOST_HELD_S, Hold, Outcome
from mrk.api.perform import TOO_MANY_REQUESTS
from mrk.api.rpc import TOO_LARGE, Busy, Reply, Who
from mrk.clients.call_queue import CallQueue
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.log.throttle import LogThrottle
from mrk.mqtt.mqtt_protocols import BrokerPublisher
from mrk.mqtt.requests import MqttRequest, Stamps, is_urgent, prepare
from mrk.mqtt.topics import Topics

logger = logging.getLogger(__name__)
# As `Rpc.handle`.
Handle = Callable[[bytes, Who, Busy], Outcome[Reply]]

# One request; decoding 1 MiB of tiny values would hold the loop for 50 ms.
REQUEST_BYTES = 256 * 1024
# Requests that wait until there is room for their answers.
BACKLOG_MESSAGES = 1000
BACKLOG_BYTES = 4 * 1024 * 1024
# Calls that are not answered yet; past it what would have to wait is refused with 429.
IN_FLIGHT = 100
# Emergency stops that may run besides them.
MORE_IN_FLIGHT = 20
# Brokers take so much unless told otherwise (Mosquitto from 2.1: 2,000,000 bytes).
ANSWER_BYTES = 1_900_000


class MqttApi:
    """Answers requests of everybody who may publish to the topic, as one caller."""

    def __init__(
        self,
        settings: MqttSettings,
        topics: Topics,
        handle: Handle,
        stamps: Stamps,
        outlet: BrokerPublisher,
    ) -> None:
        role = next(role for role in Role if role.word == settings.mqtt_role)
        self._caller = Caller(Transport.MQTT, authorized=True, role=role)
        self._qos = settings.api_qos
        self._topic = topics.response
        self._handle = handle
        self._stamps = stamps
        self._outlet = outlet
        self._queue: CallQueue[bytes] = CallQueue(IN_FLIGHT, BACKLOG_BYTES)
        self._arrived = trio.Event()
        # What holds back all that comes behind it, until when at most, and when it does no more.
        self._hold: Hold | None = None
        self._held_until = 0.0
        self._let_go = trio.Event()
        self._throttle = LogThrottle()
        self._nursery: trio.Nursery | None = None
        # Requests whose tasks have not run yet. Trio runs new tasks in any order, so each takes the
        # first one: requests begin in the order in which they came.
        self._unbegun: deque[tuple[MqttRequest, Outcome[Reply], int]] = deque()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer until cancelled."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            task_status.started()
            while True:
                while self._queue:
                    await self._outlet.wait_for_space()
                    await self._until_let_go()
                    message = self._queue.first
                    self._queue.drop_first()
                    self._take(message)
                self._arrived = trio.Event()
                await self._arrived.wait()

    async def _until_let_go(self) -> None:
        await trio.lowlevel.checkpoint()
        while (hold := self._hold) is not None:
            with trio.move_on_at(self._held_until) as too_long:
                await self._let_go.wait()
            if too_long.cancelled_caught:
                hold.release()

    def hear(self, message: bytes) -> None:
        """A request; it waits behind others, and for room, unless it is an emergency stop."""
        is_free = not self._queue and self._hold is None and self._outlet.has_space
        if is_free or is_urgent(message):
            self._take(message)
            return
        size_bytes = self._queue.waiting_bytes + getsizeof(message)
        if len(self._queue) >= BACKLOG_MESSAGES or size_bytes > BACKLOG_BYTES:
            text = f"Too many requests wait ({len(self._queue)}): wait for answers"
            self._refuse(message, text)
            return
        self._queue.put(message)
        self._arrived.set()

    def _refuse(self, message: bytes, text: str) -> None:
        """Answer 429; a notification is dropped."""
        try:
            parsed = jsonrpc.parse(message)
        except jsonrpc.RpcError as exc:
            self._send(jsonrpc.encode_error(exc.id, TOO_MANY_REQUESTS, text))
            return
        if parsed.id is not None:
            self._send(jsonrpc.encode_error(parsed.id, TOO_MANY_REQUESTS, text))

    def refuse_oversized(self) -> None:
        """A request was so large that it was not looked at."""
        text = f"Invalid Request: a message over {REQUEST_BYTES} bytes"
        self._send(jsonrpc.encode_error(None, jsonrpc.INVALID_REQUEST, text))

    def _take(self, message: bytes) -> None:
        request = prepare(message, self._stamps)
        if request.message is None:
            self._answer(request, None)
            return
        if self._queue.in_flight >= IN_FLIGHT + MORE_IN_FLIGHT:
            text = "Too many requests in flight: wait for answers"
            self._refuse(message, text)
            return
        busy = Busy.REFUSE if self._queue.busy else Busy.NO
        outcome = self._handle(request.message, lambda: self._caller, busy)
        if not outcome.settled:
            assert self._nursery is not None
            size_bytes = len(message)
            self._queue.begin(size_bytes)
            if outcome.hold is not None:
                self._hold_back(outcome.hold)
            self._unbegun.append((request, outcome, size_bytes))
            self._nursery.start_soon(self._run_next, name="mqtt request")
        else:
            self._answer(request, outcome.value)

    async def _run_next(self) -> None:
        request, outcome, size_bytes = self._unbegun.popleft()
        try:
            reply = await outcome.wait()
            await self._outlet.wait_for_space()
        finally:
            self._queue.end(size_bytes)
            if outcome.hold is not None:
                outcome.hold.release()
        self._answer(request, reply)

    def _hold_back(self, hold: Hold) -> None:
        """Begin nothing that comes behind it until it lets go, or for 5 s."""
        self._hold, self._let_go = hold, trio.Event()
        self._held_until = trio.current_time() + MOST_HELD_S
        hold.when_released(self._go_on)

    def _go_on(self) -> None:
        self._hold = None
        self._let_go.set()

    def _answer(self, request: MqttRequest, reply: Reply) -> None:
        answer = request.joined(reply)
        if answer is not None:
            self._send(answer)

    def _send(self, answer: bytes) -> None:
        if len(answer) > ANSWER_BYTES:
            text = f"The answer has {len(answer)} bytes, more than {ANSWER_BYTES} over MQTT"
            answer = jsonrpc.encode_error(_id_of(answer), TOO_LARGE, f"{text}; ask for less")
        try:
            self._outlet.post(self._topic, answer, self._qos)
        except ClientError as exc:
            self._throttle.log(
                logger,
                "mqtt: an answer is lost",
                trio.current_time(),
                after=f": {exc.message}",
            )


def _id_of(message: bytes) -> jsonrpc.Id:
    """The id of one message, None when it cannot be told."""
    try:
        return jsonrpc.parse(message).id
    except jsonrpc.RpcError as exc:
        return exc.id
