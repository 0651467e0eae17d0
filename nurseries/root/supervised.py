"""Services of the supervision table, and the two ways of running them.

`running` is for services that nobody waits for, `opened` for one that all others stand on.
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
    """A service: essential ones end the daemon when they crash, optional ones are restarted."""

    def __init__(
        self,
        name: str,
        serve: Callable[..., Awaitable[object]],
        endpoints: Sequence[Endpoint] = (),
        essential: bool = False,
        backoff: Backoff | None = None,
        part_of: str | None = None,
    ) -> None:
        self.name = name
        self.part_of = part_of
        self.serve = serve
        self.essential = essential
        self.supervision = Supervision(name, essential=essential, backoff=backoff or Backoff())
        self._endpoints = list(endpoints)

    def offered(self) -> list[Endpoint]:
        """Its endpoints; those of an optional subsystem answer 503 while it is down."""
        return self._endpoints if self.essential else guarded(self.supervision, self._endpoints)


def supervised(service: Service) -> Supervised:
    """An optional subsystem's service for the table."""
    return Supervised(
        service.name,
        service.serve,
        service.endpoints,
        backoff=service.backoff,
        part_of=service.part_of,
    )


@contextlib.asynccontextmanager
async def running(services: list[Supervised]) -> AsyncIterator[None]:
    """Run services side by side while the block lasts; they are gone when it ends."""
    async with trio.open_nursery() as nursery:
        for service in services:
            nursery.start_soon(supervise, service.supervision, service.serve, name=service.name)
        yield
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def opened(service: Supervised) -> AsyncIterator[None]:
    """Run an essential service while the block lasts; the block begins when it has started."""
    async with trio.open_nursery() as nursery:
        await nursery.start(service.serve, name=service.name)
        service.supervision.enter(SupervisionState.RUNNING, time.time())
        yield
        nursery.cancel_scope.cancel()
