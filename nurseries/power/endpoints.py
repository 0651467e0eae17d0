"""machine.device_power.*: the six methods, what clients send and what they see."""

from collections.abc import Mapping
from typing import Any

import msgspec
import trio

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.errors import ClientError
from mrk.power.states import Wish, read_action
from nurseries.power.device import PowerDevice

NOT_FOUND = "device_not_found"
# Of one request, known and unknown ones.
MOST_NAMES = 1000
States = dict[str, str]


class DeviceParams(msgspec.Struct, frozen=True):
    """`device` is its name in the configuration."""

    device: str


class ActionParams(msgspec.Struct, frozen=True):
    """`action`: on, off or toggle, in any case."""

    device: str
    action: str


class ShownDevice(msgspec.Struct, frozen=True):
    """A device as it is known; `is_shutdown` is of those of Klipper."""

    device: str
    status: str
    locked_while_printing: bool
    type: str
    is_shutdown: bool | msgspec.UnsetType = msgspec.UNSET


class ShownDevices(msgspec.Struct, frozen=True):
    """The answer of machine.device_power.devices, in the order of the configuration."""

    devices: list[ShownDevice]


class NamedParams(msgspec.Struct, frozen=True):
    """One member for each device, by its name, such as `psu`; values mean nothing."""

    psu: None = None


class PowerEndpoints:
    """The declarations and handlers; `devices` by name."""

    def __init__(self, devices: Mapping[str, PowerDevice]) -> None:
        self._devices = devices

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        path = "/machine/device_power"
        named: Any = {"params": None, "described": NamedParams, "result": States}
        return [
            get(
                f"{path}/devices",
                self.devices,
                "Power devices and what is known of them.",
                Access.VIEW,
                result=ShownDevices,
            ),
            get(
                f"{path}/device",
                self.get_device,
                "Ask one power device for its state.",
                Access.VIEW,
                DeviceParams,
                States,
            ),
            post(
                f"{path}/device",
                self.post_device,
                "Switch one power device.",
                Access.OPERATE,
                ActionParams,
                States,
            ),
            get(
                f"{path}/status",
                self.status,
                "Ask several power devices for their states.",
                Access.VIEW,
                **named,
            ),
            post(f"{path}/on", self.on, "Switch several devices on.", Access.OPERATE, **named),
            post(f"{path}/off", self.off, "Switch several devices off.", Access.OPERATE, **named),
        ]

    def devices(self, _params: NoParams, _caller: Caller) -> ShownDevices:
        """As they are known: no device is asked."""
        return ShownDevices([shown(device) for device in self._devices.values()])

    async def get_device(self, params: DeviceParams, _caller: Caller) -> States:
        """400 for one that is not configured."""
        return {params.device: await self._find(params.device).process(Wish.STATUS)}

    async def post_device(self, params: ActionParams, _caller: Caller) -> States:
        """The state afterwards."""
        device, wish = self._find(params.device), read_action(params.action)
        return {params.device: await device.process(wish)}

    async def status(self, arguments: Mapping[str, Any], _caller: Caller) -> States:
        """All at once: one that hangs holds up no other."""
        names = _names(arguments)
        states: dict[str, str] = dict.fromkeys(names, NOT_FOUND)
        errors: list[ClientError] = []

        async def ask(name: str) -> None:
            try:
                states[name] = await self._devices[name].process(Wish.STATUS)
            except ClientError as exc:
                errors.append(exc)

        async with trio.open_nursery() as nursery:
            for name in names:
                if name in self._devices:
                    nursery.start_soon(ask, name)
        if errors:
            raise errors[0]
        return states

    async def on(self, arguments: Mapping[str, Any], _caller: Caller) -> States:
        """One after the other; an error ends it, and what was switched stays so."""
        return await self._switch(arguments, Wish.ON)

    async def off(self, arguments: Mapping[str, Any], _caller: Caller) -> States:
        """The same."""
        return await self._switch(arguments, Wish.OFF)

    async def _switch(self, arguments: Mapping[str, Any], wish: Wish) -> States:
        states: dict[str, str] = {}
        for name in _names(arguments):
            device = self._devices.get(name)
            states[name] = NOT_FOUND if device is None else await device.process(wish)
        return states

    def _find(self, name: str) -> PowerDevice:
        device = self._devices.get(name)
        if device is None:
            raise ClientError(f"No power device '{name:.60}' in the configuration")
        return device


def _names(arguments: Mapping[str, Any]) -> list[str]:
    if not arguments:
        raise ClientError("No device is named (expected one argument for each, by its name)")
    if len(arguments) > MOST_NAMES:
        raise ClientError(f"{len(arguments)} devices are named, at most {MOST_NAMES}")
    return list(arguments)


def shown(device: PowerDevice) -> ShownDevice:
    """A device as clients see it."""
    shutdown = device.driver_is_shutdown
    return ShownDevice(
        device.name,
        device.state.value,
        device.facts.rules.locked_while_printing,
        device.facts.type,
        msgspec.UNSET if shutdown is None else shutdown,
    )
