"""The only retry loop, and the building of subsystems that may be missing.

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


async def supervise(supervision: Supervision, service: Service) -> None:
    """Run `service` again and again; returns only when an optional service is given up.

    Raises what an essential service raises, unless it is `Transient`.
    """
    delay_s = supervision.backoff.first_s
    crashes: list[float] = []
    throttle = LogThrottle()
    while True:
        asked_s = 0.0
        began = trio.current_time()
        supervision.enter(SupervisionState.RUNNING, time.time())
        try:
            await service()
            supervision.enter(SupervisionState.WAITING, time.time(), "ended by itself")
        except* Transient as group:
            supervision.crashed = False
            supervision.enter(SupervisionState.WAITING, time.time(), leaves(group)[0])
            text = f"{supervision.name}: {supervision.last_error}"
            throttle.log(logger, text, trio.current_time(), after="; retrying")
            asked_s = max(getattr(leaf, "retry_after_s", 0.0) for leaf in leaves(group))
        except* GivenUp as group:
            supervision.crashed = True
            supervision.enter(SupervisionState.FAILED, time.time(), leaves(group)[0])
            logger.error("%s: %s", supervision.name, supervision.last_error)
        except* Exception as group:
            supervision.crashed = True
            if supervision.essential:
                supervision.enter(SupervisionState.FAILED, time.time(), leaves(group)[0])
                raise
            supervision.enter(SupervisionState.WAITING, time.time(), leaves(group)[0])
            logger.error("%s crashed", supervision.name, exc_info=group)
            crashes = [at for at in crashes if began - at < supervision.backoff.crash_window_s] + [
                began
            ]
            if len(crashes) >= supervision.backoff.crash_limit:
                supervision.enter(SupervisionState.FAILED, time.time())
                logger.error("%s: %d crashes, given up", supervision.name, len(crashes))
        if supervision.state is SupervisionState.FAILED:
            return
        if trio.current_time() - began >= supervision.backoff.healthy_after_s:
            delay_s = supervision.backoff.first_s
        await trio.sleep(max(delay_s, asked_s))
        supervision.restarts += 1
        delay_s = min(delay_s * 2, supervision.backoff.limit_s)


class NotBuilt(MrkError):
    """An optional subsystem that cannot be had; the text says why."""


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


def failed_supervision(name: str, reason: str) -> Supervision:
    """A component that never ran, for server.nurseries."""
    supervision = Supervision(name, crashed=True)
    supervision.enter(SupervisionState.FAILED, time.time(), reason)
    return supervision


def guarded(supervision: Supervision, endpoints: list[Endpoint]) -> list[Endpoint]:
    """The endpoints of an optional subsystem; they answer 503 while it is down after a crash."""

    def guard(endpoint: Endpoint) -> Endpoint:
        def handler(params: Any, caller: Caller) -> Any:
            if supervision.crashed and supervision.state is not SupervisionState.RUNNING:
                raise ClientError(f"{supervision.name} is down: {supervision.last_error}", 503)
            return endpoint.handler(params, caller)

        return msgspec.structs.replace(endpoint, handler=handler)

    return [guard(endpoint) for endpoint in endpoints]
