"""One connected client: its record, its outbox and its calls in flight.

The transport's reader hands whole messages to `hear`; answers leave through the sender. Calls run
as tasks of the connection and end with it: a handler that must finish belongs to its subsystem.
Some hold back what is sent behind them for a moment (`HeldBack`).

Back-pressure. Who does not read its answers is not worked for: over a quarter of the outbox,
further messages wait in a backlog, and once that is full the socket is not read either. Urgent
calls (an emergency stop) overtake the backlog, as far as they can be read at all. Calls in flight
are bounded in number and in bytes; past that, what would have to wait for its answer is deferred
until others have theirs, because front ends delete hundreds of files with as many calls. Urgent
calls are not, and a few more of them may run; past a backlog of deferred ones, 429 is the answer.
"""

from collections import deque
from collections.abc import Callable
from sys import getsizeof

import trio

from mrk.api import jsonrpc
from mrk.api.caller import Caller
from mrk.api.large_result import LARGE_BYTES
from mrk.api.outcome import AskedOther, Outcome
from mrk.api.rpc import DEFERRED, Busy, Reply
from mrk.clients.call_queue import CallQueue
from mrk.clients.registry import Client
from mrk.definitions.limits import LARGE_CALL_BYTES
from mrk.errors import ClientError
from transports.sockets.client_connection import ClientConnection
from transports.sockets.held_calls import holding
from transports.sockets.outbox_sender import TIGHT_BYTES, UNAUTHORIZED_BYTES, OutboxSender
from transports.sockets.session_context import SessionContext
from transports.sockets.time_slice import TimeSlice

BACKLOG_BYTES = 1024 * 1024
# Urgent calls that may run beside a full number of others before the socket is not read any more.
URGENT_IN_FLIGHT = 32
_PARSE_ERROR = jsonrpc.encode_error(None, jsonrpc.PARSE_ERROR, "").partition(b',"message"')[0]


class ClientSession:
    """Serves one client between its first and its last message.

    `message_bytes` is the transport's limit of one message, and that of all calls in flight.
    `unreadable` counts messages in a row that were no JSON.
    """

    __slots__ = (
        "_authorized",
        "_caller",
        "_client",
        "_context",
        "_expected",
        "_moved",
        "_queue",
        "_sender",
        "_turn",
        "_unbegun",
        "connection",
        "unreadable",
    )

    def __init__(
        self,
        context: SessionContext,
        client: Client,
        sender: OutboxSender,
        connection: ClientConnection,
        message_bytes: int,
    ) -> None:
        self.connection = connection
        self.unreadable = 0
        self._context = context
        self._client = client
        self._sender = sender
        self._turn = TimeSlice()
        self._queue: CallQueue[bytes | str] = CallQueue(
            context.limits.requests_in_flight, message_bytes
        )
        # What others were asked for this client, to be abandoned with the connection.
        self._expected: set[AskedOther] | None = None  # an empty set takes 0.2 KB
        self._moved: trio.Event | None = None
        # Calls whose tasks have not run yet; mostly there are none, and a deque takes 0.6 KB.
        self._unbegun: deque[tuple[Outcome[Reply], int]] | None = None
        self._authorized = True
        self._caller = Caller(client.transport)

    def arrive(self) -> None:
        """Let the client be found and notified; the part that reads it begins."""
        self._context.clients.add(self._client)

    def leave(self) -> None:
        """Forget the client and what it waits for; the part that reads it is over."""
        self._context.clients.remove(self._client)
        expected, self._expected = self._expected, None
        for asked in expected or ():
            asked.abandon()

    def close(self) -> None:
        """Keep nothing: the connection is over."""
        self._queue.clear()

    def begin_chunk(self) -> None:
        """To be called when bytes have come in; behind their messages, flush the sender."""
        if self._client.authorized is not self._authorized:
            self._authorized = self._client.authorized
            self._sender.confine(self._authorized)
        self._turn.begin()
        self._sender.cork()

    def hear_alone(self, message: bytes | str) -> bool:
        """Answer the only message of a chunk, or begin to; False for one that has to wait.

        In place of `begin_chunk`, `hear_now` and a flush: of one message nothing is collected.
        """
        if (
            self._client.authorized is not self._authorized
            or self._sender.crowded
            or self._queue.waiting_bytes
            or self._queue.busy
            or len(message) > LARGE_CALL_BYTES
        ):
            return False
        self._answer(message, Busy.NO)
        return True

    async def hear(self, message: bytes | str) -> None:
        """Answer one message, or begin to, or let it wait for its turn."""
        if not self.hear_now(message):
            await self.hear_later(message)
        if self.must_wait:
            await self.give_way()

    async def hear_later(self, message: bytes | str) -> None:
        """Let a message that `hear_now` did not answer wait for its turn."""
        if self._sender.crowded or self._queue.waiting_bytes:
            await self._postpone(message)
        else:
            await self._answer_large(message)

    def hear_now(self, message: bytes | str) -> bool:
        """Answer one message, or begin to; False when that has to wait (`hear_later`)."""
        crowded = self._sender.crowded
        if crowded:
            self._sender.flush()
            crowded = self._sender.crowded
        if crowded or self._queue.waiting_bytes or len(message) > LARGE_CALL_BYTES:
            return False
        self._answer(message)
        return True

    @property
    def must_wait(self) -> bool:
        """Whether `give_way` has to come before the next message."""
        most = self._context.limits.requests_in_flight + URGENT_IN_FLIGHT
        return self._queue.in_flight >= most or self._turn.over

    async def give_way(self) -> None:
        """Wait while too many calls are in flight, and let others run when the turn is over."""
        if self._queue.in_flight >= self._context.limits.requests_in_flight + URGENT_IN_FLIGHT:
            self._sender.flush()
            await self._until(
                lambda: self._queue.in_flight < self._context.limits.requests_in_flight
            )
        if self._turn.over:
            self._sender.flush()
            await self._turn.rest()
            self._sender.cork()

    async def _answer_large(self, message: bytes | str) -> None:
        self._sender.flush()
        async with self._context.turn:
            await trio.lowlevel.checkpoint()
            self._answer(message)

    def _answer(self, message: bytes | str, busy: Busy | None = None) -> None:
        if busy is None:
            busy = self._when_busy(message) if self._queue.busy else Busy.NO
        outcome = self._context.rpc.handle(message, self._who, busy)
        if outcome is DEFERRED:
            self._defer(message)
        elif outcome.asked is not None:
            self._expect(outcome, outcome.asked, len(message))
        elif outcome.pending is not None:
            self._start(outcome, len(message))
        elif (reply := outcome.value) is None:
            self.unreadable = 0
        else:
            self.unreadable = self.unreadable + 1 if reply.startswith(_PARSE_ERROR) else 0
            self._sender.reply(reply)

    def _when_busy(self, message: bytes | str) -> Busy:
        has_room = self._queue.deferred_bytes + getsizeof(message) <= self._most_backlog_bytes
        return Busy.DEFER if has_room else Busy.REFUSE

    def _defer(self, message: bytes | str) -> None:
        self.unreadable = 0
        if not self._queue.deferred_bytes:
            self.connection.start(self._work_off, "deferred calls")
        self._queue.defer(message)
        self._sender.share.set("deferred", self._queue.deferred_bytes)

    async def _work_off(self) -> None:
        """Begin deferred calls, in order, as others are answered.

        There is one of these, and no call overtakes it: it waits only while calls are deferred.
        """
        turn = TimeSlice()
        turn.begin()
        while self._queue.deferred_bytes:
            if turn.over:
                await turn.rest()
            await self._until(self._may_go_on)
            await self._sender.wait_for_space()
            if not self._may_go_on():
                continue
            if len(self._queue.first_deferred) > LARGE_CALL_BYTES:
                async with self._context.turn:
                    self._answer_deferred()
            else:
                self._answer_deferred()

    def _may_go_on(self) -> bool:
        return not self._queue.full and not self._queue.held

    def _answer_deferred(self) -> None:
        message = self._queue.take_deferred()
        self._sender.share.set("deferred", self._queue.deferred_bytes)
        self._answer(message, Busy.NO)

    def _expect(self, outcome: Outcome[Reply], asked: AskedOther, size_bytes: int) -> None:
        """Let who was asked deliver the answer: it needs no task."""
        self._begin_call(size_bytes)
        if self._expected is None:
            self._expected = set()
        self._expected.add(asked)

        def deliver(reply: Reply) -> None:
            if self._expected is not None:
                self._expected.discard(asked)
            if reply is not None and (self._sender.crowded or len(reply) >= LARGE_BYTES):
                self.connection.start(lambda: self._finish(Outcome(reply), size_bytes), "call")
                return
            if reply is not None:
                self._sender.reply(reply)
            self._end_call(size_bytes)

        outcome.when_done(deliver)

    def _begin_call(self, size_bytes: int) -> None:
        self.unreadable = 0
        self._queue.begin(size_bytes)
        self._sender.share.set("calls", self._queue.in_flight_bytes)

    def _end_call(self, size_bytes: int) -> None:
        self._queue.end(size_bytes)
        self._sender.share.set("calls", self._queue.in_flight_bytes)
        self._tell_moved()

    def _start(self, outcome: Outcome[Reply], size_bytes: int) -> None:
        """Have a call begin behind those that came before it.

        G-code is run, and values are stored, in the order in which a client sends them. Trio runs
        new tasks in any order, so each takes the first call that has not begun.
        """
        self._begin_call(size_bytes)
        if outcome.hold is not None:
            self._queue.hold()
        if self._unbegun is None:
            self._unbegun = deque()
        self._unbegun.append((outcome, size_bytes))
        self.connection.start(self._run_next, "call")

    async def _run_next(self) -> None:
        assert self._unbegun is not None
        outcome, size_bytes = self._unbegun.popleft()
        if not self._unbegun:
            self._unbegun = None
        if outcome.hold is None:
            await self._finish(outcome, size_bytes)
        else:
            async with holding(outcome.hold, self._go_on):
                await self._finish(outcome, size_bytes)

    def _go_on(self) -> None:
        """What was held back has its turn."""
        self._queue.let_go()
        self._tell_moved()

    async def _finish(self, outcome: Outcome[Reply], size_bytes: int) -> None:
        try:
            reply = await outcome.wait()
            if reply is not None:
                # A hundred answers may come at once; none of them may fill the outbox.
                if self._sender.crowded:
                    await self._hold(reply)
                await self._reply(reply)
        finally:
            self._end_call(size_bytes)

    async def _hold(self, reply: bytes) -> None:
        share = self._sender.share
        share.add("replies", len(reply))
        try:
            await self._sender.wait_for_space()
        finally:
            share.add("replies", -len(reply))

    async def _reply(self, reply: bytes) -> None:
        if len(reply) < LARGE_BYTES:
            self._sender.reply(reply)
        else:
            self._sender.append(await trio.to_thread.run_sync(self._sender.framing, reply))

    def _who(self) -> Caller:
        client, caller = self._client, self._caller
        if (
            caller.connection_id is None
            or caller.authorized is not client.authorized
            or caller.user != client.user
            or caller.role is not client.role
            or caller.reason is not client.reason
        ):
            caller = self._caller = client.as_caller()
        return caller

    async def _postpone(self, message: bytes | str) -> None:
        if self._is_urgent(message) and (self._client.authorized or not self._queue.held):
            self._answer(message)
            return
        if not self._queue:
            self.connection.start(self._catch_up, "backlog")
        self._queue.put(message)
        self._sender.share.set("backlog", self._queue.waiting_bytes)
        self._sender.flush()
        await self._until(self._has_backlog_space)

    def _has_backlog_space(self) -> bool:
        return self._queue.waiting_bytes < self._most_backlog_bytes

    @property
    def _most_backlog_bytes(self) -> int:
        if not self._authorized:
            return UNAUTHORIZED_BYTES
        return TIGHT_BYTES if self._sender.share.total.tight else BACKLOG_BYTES

    def _is_urgent(self, message: bytes | str) -> bool:
        try:
            call = jsonrpc.parse(message)
            if not isinstance(call, jsonrpc.RpcCall):
                return False
            method = self._context.table.method(call.method, self._client.transport)
            return method.is_urgent({} if call.params is None else call.params)
        except (jsonrpc.RpcError, ClientError):
            return False

    async def _catch_up(self) -> None:
        """Work the backlog off, in order, as the client reads its answers.

        There is one of these: it waits only while there is a backlog.
        """
        turn = TimeSlice()
        turn.begin()
        while self._queue:
            if turn.over:
                await turn.rest()
            await self._until(lambda: not self._queue.held)
            await self._sender.wait_for_space()
            message = self._queue.first
            if len(message) > LARGE_CALL_BYTES:
                await self._answer_large(message)
            else:
                self._answer(message)
            self._queue.drop_first()
            self._sender.share.set("backlog", self._queue.waiting_bytes)
            self._tell_moved()

    def _tell_moved(self) -> None:
        if self._moved is not None:
            self._moved.set()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            if self._moved is None or self._moved.is_set():
                self._moved = trio.Event()
            await self._moved.wait()
