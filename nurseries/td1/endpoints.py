"""machine.td1.data and machine.td1.reboot."""

from collections.abc import Awaitable, Callable, Mapping

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from nurseries.td1.device import ShownTd1


class Td1RebootParams(msgspec.Struct, frozen=True):
    """`serial` is the USB serial number."""

    serial: str


class Td1Data(msgspec.Struct, frozen=True):
    """The answer of machine.td1.data, by serial number."""

    status: str
    devices: Mapping[str, ShownTd1]


class Td1Rebooted(msgspec.Struct, frozen=True):
    """`status`: ok, or serial_error for a device that is not there."""

    status: str


class Td1Endpoints:
    """The declarations and handlers."""

    def __init__(
        self,
        shown: Callable[[], Mapping[str, ShownTd1]],
        reboot: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._shown = shown
        self._reboot = reboot

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/machine/td1/data",
                self.data,
                "The last scan of every TD-1 that is connected.",
                Access.VIEW,
                result=Td1Data,
            ),
            post(
                "/machine/td1/reboot",
                self.reboot,
                "Restart a TD-1.",
                Access.ADMIN,
                Td1RebootParams,
                Td1Rebooted,
            ),
        ]

    def data(self, _params: NoParams, _caller: Caller) -> Td1Data:
        """Those that have answered."""
        return Td1Data("ok", self._shown())

    async def reboot(self, params: Td1RebootParams, _caller: Caller) -> Td1Rebooted:
        """An unknown serial number is an answer, not an error."""
        return Td1Rebooted("ok" if await self._reboot(params.serial) else "serial_error")
