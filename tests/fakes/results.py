"""What a client reads of a handler's result, for tests that call handlers without a transport."""

import inspect
from typing import Any

import msgspec

from mrk.api.large_result import LargeResult, join_here
from mrk.api.outcome import AskedOther, HeldBack
from mrk.errors import ClientError


async def settled(result: Any) -> Any:
    """What a handler returned, awaited where it is a coroutine or somebody else was asked."""
    if isinstance(result, AskedOther):
        result.begin()
        answer = await result.answer()
        if isinstance(answer, ClientError):
            raise answer
        return answer
    if isinstance(result, HeldBack):
        return await result.run(lambda: None)
    return await result if inspect.iscoroutine(result) else result


async def read_result(outcome: Any) -> Any:
    """Await it where it is a coroutine, and pass it through JSON."""
    result = await settled(outcome)
    if isinstance(result, LargeResult):
        return msgspec.json.decode(await result.between(b"", b"", join_here))
    return msgspec.json.decode(msgspec.json.encode(result))
