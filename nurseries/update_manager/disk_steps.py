"""Steps of an update that the system may refuse, in threads."""

from collections.abc import Callable
from typing import TypeVar

import trio

from mrk.updates.update_errors import refused_by_system

Result = TypeVar("Result")


async def in_thread(step: Callable[[], Result], failing: str) -> Result:
    """Raises `UpdateFailed` with `failing` and the system's reason."""
    try:
        return await trio.to_thread.run_sync(step)
    except OSError as exc:
        raise refused_by_system(exc, failing) from exc
