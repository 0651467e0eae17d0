"""Runs one call and turns whatever goes wrong into an answer.

This is the boundary around one client's request: a bug in a handler is logged with its
traceback, answered as 500, and touches nobody else. Cancellation passes through.
"""

import logging
import types
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from msgspec import Raw

from mrk.api.caller import Caller
from mrk.api.outcome import AskedOther, HeldBack, Hold, Outcome
from mrk.api.table import Method
from mrk.errors import ClientError, Transient

logger = logging.getLogger(__name__)
Encoded = TypeVar("Encoded")
# What is sent for a result; later where that is put together in a thread (`LargeResult`).
Encode = Callable[[Any], Outcome[Encoded]]
# What is sent for an error that comes later.
Refuse = Callable[[ClientError], Encoded]
TOO_MANY_REQUESTS = 429


class ClientBusy(ClientError):
    """The client has its limit of requests in flight, and this one would have to wait."""

    def __init__(self) -> None:
        super().__init__("Too many requests in flight: wait for answers", TOO_MANY_REQUESTS)


def perform(
    method: Method,
    arguments: Mapping[str, object] | Raw,
    caller: Caller,
    encode: Encode[Encoded],
    refuse: Refuse[Encoded],
    busy: bool = False,
) -> Outcome[Encoded]:
    """Call `method` and encode its result.

    Raises `ClientError` for what goes wrong at once; what goes wrong later is encoded by `refuse`.
    Encoding happens inside, so that a result JSON cannot carry is a 500 too.
    A `busy` client is refused what would have to wait (`ClientBusy`, before a line of it has run),
    unless the endpoint is urgent.
    """
    try:
        result = method.call(arguments, caller)
        kind = type(result)
        waits = kind is types.CoroutineType
        if not waits and kind is not HeldBack and not isinstance(result, AskedOther):
            return encode(result)
        if busy and not method.is_urgent(arguments):
            if waits:
                result.close()  # it has not run a line
            raise ClientBusy
        if waits:
            return Outcome.later(_finish(method, result, encode, refuse))
        if kind is HeldBack:
            hold = Hold()
            return Outcome.later(_finish(method, result.run(hold.release), encode, refuse), hold)
        result.begin()
        return Outcome.answered(result, lambda answer: _finished(method, answer, encode, refuse))
    except Exception as exc:
        raise _as_client_error(method, exc) from exc


def _finished(
    method: Method, answer: Any, encode: Encode[Encoded], refuse: Refuse[Encoded]
) -> Encoded:
    if isinstance(answer, ClientError):
        return refuse(answer)
    try:
        return encode(answer).value  # no large result: those are put together by coroutines
    except Exception as exc:
        return refuse(_as_client_error(method, exc))


async def _finish(
    method: Method, result: Awaitable[Any], encode: Encode[Encoded], refuse: Refuse[Encoded]
) -> Encoded:
    try:
        return await encode(await result).wait()
    except Exception as exc:
        return refuse(_as_client_error(method, exc))


def _as_client_error(method: Method, error: Exception) -> ClientError:
    if isinstance(error, ClientError):
        return error
    if isinstance(error, Transient):
        return ClientError(str(error), 503)
    logger.error("%s failed", method.endpoint.path, exc_info=error)
    return ClientError(str(error) or type(error).__name__, 500)
