"""machine.services.*, machine.shutdown and machine.reboot."""

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, post
from mrk.machine.services import PowerAction, Verb


class ServiceParams(msgspec.Struct, frozen=True):
    """`service` is a name without `.service`."""

    service: str


class PowerParams(msgspec.Struct, frozen=True):
    """`force` goes through while a print is under way."""

    force: bool = False


class HostControl(Protocol):
    """Who carries it out; `asker` is for the log. Raises `ClientError` 400, 500 or 503."""

    async def control(self, verb: Verb, asked: str, asker: str) -> None: ...

    async def power(self, action: PowerAction | None, force: bool, asker: str) -> None: ...


class ServiceEndpoints:
    """The declarations and handlers."""

    def __init__(self, host: HostControl) -> None:
        self._host = host

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        service = [
            post(
                f"/machine/services/{verb}",
                self._handler(verb),
                f"{verb.capitalize()} a service of the host.",
                Access.ADMIN,
                ServiceParams,
                str,
            )
            for verb in Verb
        ]
        power = [
            post(
                "/machine/shutdown",
                self.shutdown,
                "Power the host off, or halt it; refused while a print is under way.",
                Access.ADMIN,
                PowerParams,
                str,
            ),
            post(
                "/machine/reboot",
                self.reboot,
                "Reboot the host; refused while a print is under way.",
                Access.ADMIN,
                PowerParams,
                str,
            ),
        ]
        return [*service, *power]

    def _handler(self, verb: Verb) -> Callable[[ServiceParams, Caller], Awaitable[str]]:
        async def handler(params: ServiceParams, caller: Caller) -> str:
            await self._host.control(verb, params.service, _asker(caller))
            return "ok"

        return handler

    async def shutdown(self, params: PowerParams, caller: Caller) -> str:
        """Power off or halt, as configured."""
        await self._host.power(None, params.force, _asker(caller))
        return "ok"

    async def reboot(self, params: PowerParams, caller: Caller) -> str:
        """Reboot."""
        await self._host.power(PowerAction.REBOOT, params.force, _asker(caller))
        return "ok"


def _asker(caller: Caller) -> str:
    return caller.user or caller.address or caller.transport.value
