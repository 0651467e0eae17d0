"""The only retry loop, and the building of parts that may be missing.

A foreseen absence of the outside world (`Transient`) is retried with growing delay. A bug ends
the daemon when the subsystem is essential; an optional one is restarted, and given up after
`Backoff.crash_limit` crashes within `Backoff.crash_window_s`, or at once where it asks for that
(`GivenUp`). Ends only when cancelled or given up.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Endpoint
from mrk.errors import ClientError, GivenUp, MrkError, Transient, leaves
from mrk.log.throttle import LogThrottle
from mrk.supervision import Supervision, SupervisionState

logger = logging.getLogger(__name__)
Service = Callable[[], Awaitable[object]]
Made = TypeVar("Made")


async def supervise(part: Supervision, service: Service) -> None:
    """Run `service` again and again; returns only when an optional part is given up.

    Raises what an essential service raises, unless it is `Transient`.
    """
    delay_s = part.backoff.first_s
    crashes: list[float] = []
    repeats = LogThrottle()
    while True:
        began = trio.current_time()
        part.enter(SupervisionState.RUNNING, time.time())
        try:
            await service()
            part.enter(SupervisionState.WAITING, time.time(), "ended by itself")
        except* Transient as group:
            part.crashed = False
            part.enter(SupervisionState.WAITING, time.time(), leaves(group)[0])
            line = repeats.say(f"{part.name}: {part.last_error}", trio.current_time())
            if line is not None:
                logger.warning("%s; retrying", line)
        except* GivenUp as group:
            part.crashed = True
            part.enter(SupervisionState.FAILED, time.time(), leaves(group)[0])
            logger.error("%s: %s", part.name, part.last_error)
        except* Exception as group:
            part.crashed = True
            if part.essential:
                part.enter(SupervisionState.FAILED, time.time(), leaves(group)[0])
                raise
            part.enter(SupervisionState.WAITING, time.time(), leaves(group)[0])
            logger.error("%s crashed", part.name, exc_info=group)
            crashes = [at for at in crashes if began - at < part.backoff.crash_window_s] + [began]
            if len(crashes) >= part.backoff.crash_limit:
                part.enter(SupervisionState.FAILED, time.time())
                logger.error("%s: %d crashes, given up", part.name, len(crashes))
        if part.state is SupervisionState.FAILED:
            return
        if trio.current_time() - began >= part.backoff.healthy_after_s:
            delay_s = part.backoff.first_s
        await trio.sleep(delay_s)
        part.restarts += 1
        delay_s = min(delay_s * 2, part.backoff.limit_s)


class NotBuilt(MrkError):
    """An optional part that cannot be had; the text says why."""


def build(name: str, make: Callable[[], Made]) -> Made:
    """What `make` gives; raises `NotBuilt` for whatever it raises, a bug included."""
    try:
        return make()
    except ImportError as exc:
        missing = f"the library {exc.name} cannot be used in mrk's environment ({exc})"
        raise NotBuilt(f"{name} does not run: {missing}") from exc
    except (MrkError, OSError) as exc:
        raise NotBuilt(f"{name} does not run: {exc}") from exc
    except Exception as exc:
        logger.exception("%s cannot be built", name)
        raise NotBuilt(f"{name} does not run: {type(exc).__name__} (see the log)") from exc


def failed_part(name: str, reason: str) -> Supervision:
    """A part that never ran, for the tree of parts."""
    part = Supervision(name, crashed=True)
    part.enter(SupervisionState.FAILED, time.time(), reason)
    return part


def guarded(part: Supervision, endpoints: list[Endpoint]) -> list[Endpoint]:
    """The endpoints of an optional part; they answer 503 while it is down after a crash."""

    def guard(endpoint: Endpoint) -> Endpoint:
        def handler(params: Any, caller: Caller) -> Any:
            if part.crashed and part.state is not SupervisionState.RUNNING:
                raise ClientError(f"{part.name} is down: {part.last_error}", 503)
            return endpoint.handler(params, caller)

        return msgspec.structs.replace(endpoint, handler=handler)

    return [guard(endpoint) for endpoint in endpoints]
