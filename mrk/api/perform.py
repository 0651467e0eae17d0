"""Runs one call and turns whatever goes wrong into an answer.

This is the boundary around one client's request: a bug in a handler is logged with its
traceback, answered as 500, and touches nobody else. Cancellation passes through.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from msgspec import Raw

from mrk.api.caller import Caller
from mrk.api.table import Method, is_pending
from mrk.errors import ClientError, Transient

logger = logging.getLogger(__name__)
Encoded = TypeVar("Encoded")
Encode = Callable[[Any], Encoded | Coroutine[Any, Any, Encoded]]
TOO_MANY_REQUESTS = 429


def perform(
    method: Method,
    arguments: Mapping[str, object] | Raw,
    caller: Caller,
    encode: Encode[Encoded],
    busy: bool = False,
) -> Encoded | Coroutine[Any, Any, Encoded]:
    """Call `method` and encode its result.

    Returns the encoded result, or a coroutine of it when the handler (or `encode`, for
    `mrk.api.large_result.Pieces`) is async. Both raise
    only `ClientError`; encoding happens inside, so that a result JSON cannot carry is a 500 too.
    A `busy` client is refused (429) what would have to wait, unless the endpoint is urgent.
    """
    try:
        outcome = method.call(arguments, caller)
        if not is_pending(outcome):
            return encode(outcome)
        if busy and not method.is_urgent(arguments):
            outcome.close()  # it has not run a line
            raise ClientError("Too many requests in flight: wait for answers", TOO_MANY_REQUESTS)
        return _finish(method, outcome, encode)
    except Exception as exc:
        raise _as_client_error(method, exc) from exc


async def _finish(method: Method, outcome: Awaitable[Any], encode: Encode[Encoded]) -> Encoded:
    try:
        encoded = encode(await outcome)
        return await encoded if isinstance(encoded, Coroutine) else encoded
    except Exception as exc:
        raise _as_client_error(method, exc) from exc


def _as_client_error(method: Method, error: Exception) -> ClientError:
    if isinstance(error, ClientError):
        return error
    if isinstance(error, Transient):
        return ClientError(str(error), 503)
    logger.error("%s failed", method.endpoint.path, exc_info=error)
    return ClientError(str(error) or type(error).__name__, 500)
