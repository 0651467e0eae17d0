"""JSON-RPC over the table, for every transport that carries it.

Calls with a sync handler are answered on the spot; others, and batches, come back as a
coroutine that the transport runs where it owns tasks. A batch runs in order.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from mrk.api import jsonrpc
from mrk.api.caller import Caller
from mrk.api.jsonrpc import RpcAnswer, RpcCall, RpcError
from mrk.api.large_result import Join, LargeResult, join_here
from mrk.api.perform import TOO_MANY_REQUESTS, perform
from mrk.api.table import Table
from mrk.errors import ClientError

Reply = bytes | None
Pending = Coroutine[Any, Any, Reply]
# Who calls may change within a batch (a log-in, an identify), so it is asked for each call.
Who = Callable[[], Caller]

# Calls of a batch that run before others get their turn; about 1 ms of sync handlers.
_CALLS_PER_TURN = 50
_BYTES_PER_TURN = 256 * 1024
# Answers of one batch together; calls behind that are refused, not run.
MAX_BATCH_ANSWER_BYTES = 16 * 1024 * 1024
TOO_LARGE = 413


class AnswerReceiver(Protocol):
    """Who takes the responses that clients (agents) give to requests of ours."""

    def on_answer(self, answer: RpcAnswer, caller: Caller) -> None:
        """Must not block; an answer that nobody waits for is dropped."""


class Rpc:
    """Answers JSON-RPC messages; one instance per generation, shared by all transports.

    `yield_if_due` lets other tasks run (a checkpoint); `max_batch_calls` bounds one batch; without
    a receiver of `answers` they are dropped. `join` puts large answers together.
    """

    def __init__(
        self,
        table: Table,
        yield_if_due: Callable[[], Awaitable[None]],
        max_batch_calls: int,
        answers: AnswerReceiver | None = None,
        join: Join = join_here,
    ) -> None:
        self._table = table
        self._yield_if_due = yield_if_due
        self._max_batch_calls = max_batch_calls
        self._answers = answers
        self._join = join

    def handle(self, message: bytes | str, who: Who, busy: bool = False) -> Reply | Pending:
        """Answer one message: a reply, None when nothing is to be said, or a coroutine of these.

        `busy` says that the client has its limit of requests in flight: what would have to
        wait is then refused with 429, save for urgent calls such as an emergency stop.
        """
        try:
            value = jsonrpc.decode(message)
        except RpcError as exc:
            return jsonrpc.encode_error(exc.id, exc.code, exc.message)
        if isinstance(value, list):
            return self._batch(value, who, busy)
        return self._single(value, who, busy)

    def _single(self, value: Any, who: Who, busy: bool) -> Reply | Pending:
        call: RpcCall | None = None
        try:
            parsed = jsonrpc.parse(value)
            if isinstance(parsed, RpcAnswer):
                if self._answers is not None:
                    self._answers.on_answer(parsed, who())
                return None
            call = parsed
            return self._start(call, who(), busy)
        except RpcError as exc:
            return jsonrpc.encode_error(exc.id, exc.code, exc.message)
        except ClientError as exc:
            return jsonrpc.encode_client_error(None if call is None else call.id, exc)

    def _start(self, call: RpcCall, caller: Caller, busy: bool) -> Reply | Pending:
        method = self._table.method(call.method, caller.transport)
        outcome = perform(method, call.params, caller, self._encoder(call), busy)
        return _reply_later(call, outcome) if isinstance(outcome, Coroutine) else outcome

    def _encoder(self, call: RpcCall) -> Callable[[Any], Reply | Pending]:
        """A notification's result is not sent, but it is still encoded to nothing else."""
        if call.id is None:
            return lambda _result: None
        return lambda result: self._encoded(call.id, result)

    def _encoded(self, id_: Any, result: Any) -> Reply | Pending:
        if type(result) is LargeResult:
            return result.between(*jsonrpc.around_result(id_), self._join)
        return jsonrpc.encode_result(id_, result)

    def _batch(self, values: list[Any], who: Who, busy: bool) -> Reply | Pending:
        if len(values) > self._max_batch_calls:
            text = f"a batch of {len(values)} calls, limit {self._max_batch_calls}"
            return jsonrpc.encode_error(None, jsonrpc.INVALID_REQUEST, f"Invalid Request: {text}")
        if busy:
            text = "Too many requests in flight: wait for answers"
            return jsonrpc.encode_error(None, TOO_MANY_REQUESTS, text)
        return self._run_batch(values, who)

    async def _run_batch(self, values: list[Any], who: Who) -> Reply:
        replies: list[bytes] = []
        total_bytes = turn_bytes = 0
        for index, value in enumerate(values):
            if index % _CALLS_PER_TURN == 0 or turn_bytes > _BYTES_PER_TURN:
                turn_bytes = 0
                await self._yield_if_due()
            if total_bytes > MAX_BATCH_ANSWER_BYTES:
                reply = _too_much(value)
            else:
                outcome = self._single(value, who, False)
                reply = await outcome if isinstance(outcome, Coroutine) else outcome
            if reply is not None:
                replies.append(reply)
                total_bytes += len(reply)
                turn_bytes += len(reply)
        return jsonrpc.encode_batch(replies) if replies else None


def _too_much(value: Any) -> Reply:
    id_ = value.get("id") if isinstance(value, dict) else None
    text = (
        f"not run: the batch's answers passed {MAX_BATCH_ANSWER_BYTES} bytes; ask in smaller ones"
    )
    return jsonrpc.encode_error(id_, TOO_LARGE, text)


async def _reply_later(call: RpcCall, outcome: Awaitable[Reply]) -> Reply:
    try:
        return await outcome
    except ClientError as exc:
        return jsonrpc.encode_client_error(call.id, exc)
