"""machine.system_info and machine.peripherals.*: what the host is and has plugged in."""

import msgspec

from mrk.api.caller import Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get
from mrk.can.uuid_query import CanNode
from mrk.machine.libcamera import LibcameraDevice
from mrk.machine.serial_ports import SerialDevice
from mrk.machine.usb import UsbDevice
from mrk.machine.v4l2 import V4l2Device
from nurseries.machine.canbus import CanbusQuery
from nurseries.machine.peripherals import Peripherals
from nurseries.machine.system_info import SystemInfo, SystemInfoReader


class SystemInfoAnswer(msgspec.Struct, frozen=True):
    """What `machine.system_info` answers."""

    system_info: SystemInfo


class UsbDevices(msgspec.Struct, frozen=True):
    """What `machine.peripherals.usb` answers."""

    usb_devices: list[UsbDevice]


class SerialDevices(msgspec.Struct, frozen=True):
    """What `machine.peripherals.serial` answers."""

    serial_devices: list[SerialDevice]


class VideoDevices(msgspec.Struct, frozen=True):
    """What `machine.peripherals.video` answers."""

    v4l2_devices: list[V4l2Device]
    libcamera_devices: list[LibcameraDevice]


class CanbusParams(msgspec.Struct, frozen=True):
    """The name of a CAN interface."""

    interface: str = "can0"


class CanUuids(msgspec.Struct, frozen=True):
    """What `machine.peripherals.canbus` answers, in the order of the nodes' answers."""

    can_uuids: list[CanNode]


class HostEndpoints:
    """The declarations and handlers."""

    def __init__(
        self, info: SystemInfoReader, peripherals: Peripherals, canbus: CanbusQuery
    ) -> None:
        self._info = info
        self._peripherals = peripherals
        self._canbus = canbus

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [
            get(
                "/machine/system_info",
                self.system_info,
                "What the host is: hardware, system, networks and services.",
                Access.VIEW,
                result=SystemInfoAnswer,
            ),
            get(
                "/machine/peripherals/usb", self.usb, "USB devices.", Access.VIEW, result=UsbDevices
            ),
            get(
                "/machine/peripherals/serial",
                self.serial,
                "Serial ports.",
                Access.VIEW,
                result=SerialDevices,
            ),
            get(
                "/machine/peripherals/video",
                self.video,
                "Video capture devices.",
                Access.VIEW,
                result=VideoDevices,
            ),
            get(
                "/machine/peripherals/canbus",
                self.canbus,
                "Ask a CAN interface for nodes without an assigned id.",
                Access.OPERATE,
                CanbusParams,
                CanUuids,
            ),
        ]

    async def system_info(self, _params: NoParams, _caller: Caller) -> SystemInfoAnswer:
        """Raises `ClientError` 503 when reading does not end."""
        return SystemInfoAnswer(await self._info.read())

    async def usb(self, _params: NoParams, _caller: Caller) -> UsbDevices:
        """Raises `ClientError` 503 at the deadline."""
        return UsbDevices(await self._peripherals.usb())

    async def serial(self, _params: NoParams, _caller: Caller) -> SerialDevices:
        """Raises `ClientError` 503 at the deadline."""
        return SerialDevices(await self._peripherals.serial())

    async def video(self, _params: NoParams, _caller: Caller) -> VideoDevices:
        """Raises `ClientError` 503 at the deadline."""
        return VideoDevices(*await self._peripherals.video())

    async def canbus(self, params: CanbusParams, _caller: Caller) -> CanUuids:
        """Answers after 2 s. Raises `ClientError`: 400 wrong name, 500 failed, 503 stuck."""
        return CanUuids(await self._canbus.nodes(params.interface))
