"""Lines of the supervision table, and the two ways of running them.

`running` is for parts that nobody waits for, `opened` for one that all others stand on.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import trio

from mrk.api.endpoint import Endpoint
from mrk.subsystem import Service
from mrk.supervision import Backoff, Supervision, SupervisionState
from nurseries.supervise import guarded, supervise


class Supervised:
    """A part: essential ones end the daemon when they crash, optional ones are restarted."""

    def __init__(
        self,
        name: str,
        service: Callable[..., Awaitable[object]],
        endpoints: Sequence[Endpoint] = (),
        essential: bool = False,
        backoff: Backoff | None = None,
    ) -> None:
        self.name = name
        self.service = service
        self.essential = essential
        self.part = Supervision(name, essential=essential, backoff=backoff or Backoff())
        self._endpoints = list(endpoints)

    def offered(self) -> list[Endpoint]:
        """Its endpoints; those of an optional part answer 503 while it is down."""
        return self._endpoints if self.essential else guarded(self.part, self._endpoints)


def supervised(service: Service) -> Supervised:
    """An optional subsystem's service as a line of the table."""
    return Supervised(service.name, service.serve, service.endpoints, backoff=service.backoff)


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
        line.part.enter(SupervisionState.RUNNING, time.time())
        yield
        nursery.cancel_scope.cancel()
