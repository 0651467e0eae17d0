"""Lines of the supervision table, and the two ways of running them.

`running` is for parts that nobody waits for, `opened` for one that all others stand on.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import trio

from mrk.api.endpoint import Endpoint
from mrk.parts import Backoff, Part, State
from nurseries.supervise import guarded, supervise


@dataclass(frozen=True, slots=True)
class Supervised:
    """A part: essential ones end the daemon when they crash, optional ones are restarted."""

    name: str
    service: Callable[..., Awaitable[object]]
    endpoints: list[Endpoint] = field(default_factory=list)
    essential: bool = False
    backoff: Backoff = field(default_factory=Backoff)
    part: Part = field(init=False)

    def __post_init__(self) -> None:
        part = Part(self.name, essential=self.essential, backoff=self.backoff)
        object.__setattr__(self, "part", part)

    def offered(self) -> list[Endpoint]:
        """Its endpoints; those of an optional part answer 503 while it is down."""
        return self.endpoints if self.essential else guarded(self.part, self.endpoints)


@contextlib.asynccontextmanager
async def running(lines: list[Supervised]) -> AsyncIterator[None]:
    """Run parts side by side while the block lasts; they are gone when it ends."""
    async with trio.open_nursery() as nursery:
        for line in lines:
            nursery.start_soon(supervise, line.part, line.service, name=line.name)
        yield
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def opened(line: Supervised) -> AsyncIterator[None]:
    """Run an essential part while the block lasts; the block begins when it has started."""
    async with trio.open_nursery() as nursery:
        await nursery.start(line.service, name=line.name)
        line.part.enter(State.RUNNING, time.time())
        yield
        nursery.cancel_scope.cancel()
