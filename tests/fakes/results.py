"""What a client reads of a handler's result, for tests that call handlers without a transport."""

import inspect
from typing import Any

import msgspec

from mrk.api.large_result import LargeResult, join_here


async def settled(result: Any) -> Any:
    """What a handler returned, awaited where it is a coroutine."""
    return await result if inspect.iscoroutine(result) else result


async def read_result(outcome: Any) -> Any:
    """Await it where it is a coroutine, and pass it through JSON."""
    result = await settled(outcome)
    if isinstance(result, LargeResult):
        return msgspec.json.decode(await result.between(b"", b"", join_here))
    return msgspec.json.decode(msgspec.json.encode(result))
