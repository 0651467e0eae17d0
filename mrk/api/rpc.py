"""JSON-RPC over the table, for every transport that carries it.

Calls with a sync handler are answered on the spot; others, and batches, come back as an outcome
that the transport waits for where it owns tasks. A batch runs in order.
"""

import enum
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Protocol

from msgspec import Raw

from mrk.api import jsonrpc
from mrk.api.caller import Caller
from mrk.api.jsonrpc import RpcAnswer, RpcCall, RpcError
from mrk.api.large_result import Join, LargeResult, join_here
from mrk.api.outcome import Outcome
from mrk.api.perform import ClientBusy, perform
from mrk.api.table import Table
from mrk.definitions.limits import ARGUMENTS_BYTES
from mrk.errors import AccessDenied, ClientError
from mrk.json_bounds import MOST_VALUES
from mrk.metrics.request_counts import RequestCounts, Tally

Reply = bytes | None
# Who calls may change within a batch (a log-in, an identify), so it is asked for each call.
Who = Callable[[], Caller]

# Calls of a batch that run before others get their turn; about 1 ms of sync handlers.
_CALLS_PER_TURN = 50
_BYTES_PER_TURN = 256 * 1024
# Reading a byte of a call costs as much as copying some of an answer.
_READ_FOR_WRITTEN = 4
# A batch as a whole, where more calls than usual are allowed.
_BYTES_PER_CALL = 1024
_VALUES_PER_CALL = 40
# Answers of one batch together; calls behind that are refused, not run.
MAX_BATCH_ANSWER_BYTES = 16 * 1024 * 1024
TOO_LARGE = 413
OK = 200
# Instead of an answer: the message is to be handled again later. Nothing of it has run.
DEFERRED: Outcome[Reply] = Outcome(None)


class Busy(enum.Enum):
    """What becomes of calls that would have to wait, save urgent ones (an emergency stop)."""

    NO = "run"
    DEFER = "defer"  # `DEFERRED`
    REFUSE = "refuse"  # error 429


class AnswerReceiver(Protocol):
    """Who takes the responses that clients (agents) give to requests of ours."""

    def on_answer(self, answer: RpcAnswer, caller: Caller) -> bool:
        """Must not block; an answer that nobody waits for is dropped, and False returned."""


class Rpc:
    """Answers JSON-RPC messages; one instance per generation, shared by all transports.

    `yield_if_due` lets other tasks run (a checkpoint); `max_batch_calls` bounds one batch; without
    a receiver of `answers` they are dropped. `join` puts large answers together. `denied` hears of
    callers that were refused, by `Caller.who` and why. `counts` counts the replies.
    """

    def __init__(
        self,
        table: Table,
        yield_if_due: Callable[[], Awaitable[None]],
        max_batch_calls: int,
        answers: AnswerReceiver | None = None,
        join: Join = join_here,
        denied: Callable[[str, str], None] = lambda _who, _why: None,
        counts: RequestCounts | None = None,
    ) -> None:
        self._table = table
        self._yield_if_due = yield_if_due
        self._max_batch_calls = max_batch_calls
        self._answers = answers
        self._join = join
        self._denied = denied
        self._counts = (counts or RequestCounts()).rpc

    def handle(self, message: bytes | str, who: Who, busy: Busy = Busy.NO) -> Outcome[Reply]:
        """Answer one message: a reply, or None when nothing is to be said, at once or later.

        `busy`: the client has its limit of requests in flight, or calls that wait for that.
        """
        call = jsonrpc.usual_call(message)
        if call is not None:
            return self._run(call, who(), busy)
        if jsonrpc.is_batch(message):
            return self._batch(message, who, busy)
        return self._single(message, who, busy)

    def _single(self, message: bytes | str | Raw, who: Who, busy: Busy) -> Outcome[Reply]:
        try:
            parsed = jsonrpc.parse_other(message)
        except RpcError as exc:
            if exc.id is None and exc.code == jsonrpc.INVALID_PARAMS:
                return Outcome(None)  # a notification
            if exc.answer is not None and self._answered(exc.answer, who):
                return Outcome(None)
            self._counts[who().transport][exc.code] += 1
            return Outcome(jsonrpc.encode_error(exc.id, exc.code, exc.message))
        if isinstance(parsed, RpcAnswer):
            self._answered(parsed, who)
            return Outcome(None)
        return self._run(parsed, who(), busy)

    def _answered(self, answer: RpcAnswer, who: Who) -> bool:
        """Hand on a client's answer to a request of ours; whether anybody waits for it."""
        return self._answers is not None and self._answers.on_answer(answer, who())

    def _run(self, call: RpcCall, caller: Caller, busy: Busy) -> Outcome[Reply]:
        id_, tally = call.id, self._counts[caller.transport]
        try:
            return perform(
                self._table.method(call.method, caller.transport),
                {} if call.params is None else call.params,
                caller,
                partial(self._encoded, id_, tally),
                lambda error: _refused(id_, error, tally),
                busy is not Busy.NO,
            )
        except ClientError as exc:
            if busy is Busy.DEFER and isinstance(exc, ClientBusy):
                return DEFERRED
            if isinstance(exc, AccessDenied):
                self._denied(caller.who, exc.why)
            return Outcome(_refused(id_, exc, tally))

    def _encoded(self, id_: jsonrpc.Id, tally: Tally, result: Any) -> Outcome[Reply]:
        if id_ is None:
            return Outcome(None)  # a notification's result is not sent
        tally[OK] += 1
        if type(result) is LargeResult:
            return Outcome.later(result.between(*jsonrpc.around_result(id_), self._join))
        return Outcome(jsonrpc.encode_result(id_, result))

    def _batch(self, message: bytes | str, who: Who, busy: Busy) -> Outcome[Reply]:
        if busy is Busy.DEFER:
            return DEFERRED
        try:
            calls = self._calls(message)
        except RpcError as exc:
            return Outcome(jsonrpc.encode_error(None, exc.code, exc.message))
        if busy is Busy.REFUSE:
            refusal = ClientBusy()
            return Outcome(jsonrpc.encode_error(None, refusal.status, refusal.message))
        # It begins where it was read, as single calls do: nothing behind it overtakes it.
        first = self._single(calls[0], who, Busy.NO)
        return Outcome.later(self._run_batch(first, calls[1:], who), first.hold)

    def _calls(self, message: bytes | str) -> Sequence[Raw]:
        """The calls of a batch, undecoded; raises `RpcError`."""
        text = message.encode() if isinstance(message, str) else message
        most_bytes = max(ARGUMENTS_BYTES, self._max_batch_calls * _BYTES_PER_CALL)
        if len(text) > most_bytes:
            raise _no_batch(f"a batch of {len(text)} bytes, limit {most_bytes}")
        calls = jsonrpc.batch(text, max(MOST_VALUES, self._max_batch_calls * _VALUES_PER_CALL))
        if len(calls) > self._max_batch_calls:
            raise _no_batch(f"a batch of {len(calls)} calls, limit {self._max_batch_calls}")
        if not calls:
            raise _no_batch("a batch without calls")
        return calls

    async def _run_batch(self, first: Outcome[Reply], others: Sequence[Raw], who: Who) -> Reply:
        reply = await first.wait()
        replies = [] if reply is None else [reply]
        total_bytes = turn_bytes = sum(map(len, replies))
        for index, call in enumerate(others, 1):
            if index % _CALLS_PER_TURN == 0 or turn_bytes > _BYTES_PER_TURN:
                turn_bytes = 0
                await self._yield_if_due()
            turn_bytes += len(memoryview(call)) * _READ_FOR_WRITTEN
            if total_bytes > MAX_BATCH_ANSWER_BYTES:
                reply = _too_much(call)
            else:
                reply = await self._single(call, who, Busy.NO).wait()
            if reply is not None:
                replies.append(reply)
                total_bytes += len(reply)
                turn_bytes += len(reply)
        return jsonrpc.encode_batch(replies) if replies else None


def _no_batch(text: str) -> RpcError:
    return RpcError(jsonrpc.INVALID_REQUEST, f"Invalid Request: {text}")


def _too_much(call: Raw) -> Reply:
    """The refusal of a call that is not run; a notification gets none."""
    try:
        id_ = jsonrpc.parse(call).id
    except RpcError as exc:
        id_ = exc.id
    if id_ is None:
        return None
    text = (
        f"not run: the batch's answers passed {MAX_BATCH_ANSWER_BYTES} bytes; ask in smaller ones"
    )
    return jsonrpc.encode_error(id_, TOO_LARGE, text)


def _refused(id_: jsonrpc.Id, error: ClientError, tally: Tally) -> Reply:
    """The reply for an endpoint's error; a notification gets none."""
    if id_ is None:
        return None
    tally[error.status] += 1
    return jsonrpc.encode_client_error(id_, error)
