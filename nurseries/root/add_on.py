"""One add-on at work: what it adds, made so that it cannot take the rest down.

Its services end with an error of ours whatever they raise, and have to start in time; its handlers,
services and callbacks are limited in how long they hold up the event loop. One that held it up is
failed for good, because it would again.
"""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Derived, Endpoint
from mrk.errors import ClientError, GivenUp, MrkError
from mrk.jobs.job_protocols import AuxiliaryProvider, AuxiliaryValue
from mrk.klippy.klippy_protocols import KlippyPort
from mrk.klippy.remote_methods import RemoteMethod
from mrk.subsystem import Additions, Needs, Serve, Service
from nurseries.root.step_limit import StepLimit, StepTooLong

logger = logging.getLogger(__name__)
# To be imported, to read its settings and to be built: a library may be large, a card slow.
BUILD_S = 15.0
# One step in the event loop.
STEP_S = 5.0
# Until `serve` calls `started`.
START_S = 30.0

Answer = TypeVar("Answer")


class AddOnError(MrkError):
    """What an add-on may not do; says so."""


class AddOnGuard:
    """Runs what one add-on gave."""

    def __init__(self, component: str, limit: StepLimit) -> None:
        self.component = component
        self.failure: str | None = None
        self._limit = limit
        self._scopes: set[trio.CancelScope] = set()

    def fail(self, reason: str) -> None:
        """End all that runs, for good."""
        self.failure = self.failure or reason
        for scope in self._scopes:
            scope.cancel()

    def _blocked(self) -> str:
        said = f"{self.component} held up the daemon for more than {self._limit.seconds:g} s"
        self.fail(said)
        return said

    def build(self, make: Callable[[], Answer]) -> Answer:
        """What `make` gives, in time; raises `AddOnError` for what would end the daemon."""
        try:
            with self._limit.stretch(BUILD_S):
                return make()
        except StepTooLong:
            said = f"{self.component} took more than {BUILD_S:g} s to be built"
            raise AddOnError(said) from None
        except SystemExit as exc:
            raise AddOnError(f"{self.component} wanted to end the daemon ({exc})") from None

    def call(self, function: Callable[[], Answer], otherwise: Answer) -> Answer:
        """What an immediate callback gives; when it fails, so does the add-on."""
        if self.failure is not None:
            return otherwise
        try:
            with self._limit.stretch():
                return function()
        except StepTooLong:
            self._blocked()
        except (Exception, SystemExit) as exc:
            logger.exception("%s: a callback failed", self.component)
            self.fail(f"{self.component}: {type(exc).__name__}: {exc}")
        return otherwise

    # What runs

    def service(self, service: Service) -> Service:
        """The same service under guard."""
        return msgspec.structs.replace(
            service,
            serve=partial(self._serve, service.serve),
            endpoints=[self.endpoint(endpoint) for endpoint in service.endpoints],
        )

    async def _serve(self, serve: Serve) -> None:
        if self.failure is None:
            with trio.CancelScope() as scope:
                self._scopes.add(scope)
                try:
                    await self._run(serve)
                except* StepTooLong:
                    self._blocked()
                except* SystemExit:
                    self.fail(f"{self.component} wanted to end the daemon")
                finally:
                    self._scopes.discard(scope)
        if self.failure is not None:
            raise GivenUp(self.failure)

    async def _run(self, serve: Serve) -> None:
        with self._limit.steps():
            async with trio.open_nursery() as nursery:
                with trio.move_on_after(START_S) as starting:
                    await nursery.start(serve, name=self.component)
                if starting.cancelled_caught:
                    raise AddOnError(f"{self.component} has not started within {START_S:g} s")

    def endpoint(self, endpoint: Endpoint) -> Endpoint:
        """The same endpoint under guard."""

        def handler(params: Any, caller: Caller) -> Any:
            try:
                with self._limit.stretch():
                    outcome = endpoint.handler(params, caller)
            except (StepTooLong, SystemExit) as exc:
                raise self._refusal(exc) from None
            return self._awaited(outcome) if inspect.iscoroutine(outcome) else outcome

        return msgspec.structs.replace(endpoint, handler=handler)

    async def _awaited(self, outcome: Any) -> Any:
        try:
            with self._limit.steps():
                return await outcome
        except (StepTooLong, SystemExit) as exc:
            raise self._refusal(exc) from None

    def _refusal(self, error: BaseException) -> ClientError:
        if isinstance(error, StepTooLong):
            return ClientError(self._blocked(), 503)
        return ClientError(f"{self.component} wanted to end the daemon", 503)


class GuardedLink:
    """The link to Klipper, for an add-on: its remote methods are under guard."""

    def __init__(self, klippy: KlippyPort, guard: AddOnGuard) -> None:
        self._klippy = klippy
        self._guard = guard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._klippy, name)

    def register_remote_method(self, name: str, method: RemoteMethod) -> None:
        """`KlippyPort.register_remote_method`."""
        limit = self._guard

        def guarded(*arguments: Any, **named: Any) -> object:
            return limit.call(partial(method, *arguments, **named), None)

        # The method's own signature says what a macro may pass.
        guarded.__wrapped__ = method  # type: ignore[attr-defined]
        self._klippy.register_remote_method(name, guarded)


class GuardedAuxiliary:
    """Fields of jobs from an add-on."""

    def __init__(self, provider: AuxiliaryProvider, guard: AddOnGuard) -> None:
        self._provider = provider
        self._guard = guard

    def begin_job(self) -> None:
        """`AuxiliaryProvider.begin_job`."""
        self._guard.call(self._provider.begin_job, None)

    def resume_job(self, fields: Sequence[Mapping[str, Any]]) -> None:
        """`AuxiliaryProvider.resume_job`."""
        self._guard.call(partial(self._provider.resume_job, fields), None)

    def values(self) -> Sequence[AuxiliaryValue]:
        """`AuxiliaryProvider.values`."""
        return self._guard.call(lambda: list(self._provider.values()), [])


def given_to(needs: Needs, guard: AddOnGuard) -> Needs:
    """What the add-on is handed."""
    klippy = cast("KlippyPort", GuardedLink(needs.klippy, guard))
    return msgspec.structs.replace(needs, klippy=klippy)


def guarded_additions(added: Additions, guard: AddOnGuard) -> Additions:
    """What an add-on added, under guard; raises `AddOnError` for what it must not add."""
    name = guard.component
    if not added.services or added.services[0].name != name:
        raise AddOnError(f"{name} adds no service of its own name")
    if (
        added.transports
        or added.upload_paths
        or added.streamed
        or added.fallbacks
        or added.mqtt is not None
    ):
        raise AddOnError(f"{name} adds transports, which add-ons may not")
    if added.metrics:
        raise AddOnError(f"{name} adds metrics, which add-ons may not")
    for service in added.services:
        if service.name != name and not service.name.startswith(f"{name}_"):
            raise AddOnError(f"{name} adds a service named {service.name}, not {name}_...")
        for endpoint in service.endpoints:
            _check(name, endpoint)
    return Additions(
        services=[guard.service(service) for service in added.services],
        auxiliary=[GuardedAuxiliary(provider, guard) for provider in added.auxiliary],
        processors=list(added.processors),
        warnings=[partial(_warnings, guard, warnings) for warnings in added.warnings],
    )


def _warnings(guard: AddOnGuard, warnings: Callable[[], Sequence[str]]) -> Sequence[str]:
    return guard.call(lambda: [str(text) for text in warnings()], [])


def _check(component: str, endpoint: Endpoint) -> None:
    parts = endpoint.path.split("/")
    if endpoint.path[:1] != "/" or len(parts) < 3 or parts[2] != component:
        said = f"/server/{component}/... or /machine/{component}/..."
        raise AddOnError(f"{component} has an endpoint at {endpoint.path}, not below {said}")
    if endpoint.rpc not in (None, Derived.RPC_NAME):
        raise AddOnError(f"{component} names the method of {endpoint.path} itself")
