"""What a client reads of a handler's result, for tests that call handlers without a transport."""

from typing import Any

import msgspec

from mrk.api.large_result import LargeResult, join_here
from mrk.api.table import is_pending


async def read_result(outcome: Any) -> Any:
    """Await it where it is a coroutine, and pass it through JSON."""
    result = await outcome if is_pending(outcome) else outcome
    if isinstance(result, LargeResult):
        return msgspec.json.decode(await result.between(b"", b"", join_here))
    return msgspec.json.decode(msgspec.json.encode(result))
