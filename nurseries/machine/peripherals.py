"""What is plugged into the host: USB devices, serial ports, cameras.

Reads when asked, in a thread; callers at the same time share a reading. No task.
"""

from collections.abc import Callable, Iterable

from mrk.machine.host_commands import Commands
from mrk.machine.libcamera import LibcameraDevice
from mrk.machine.serial_ports import SerialDevice
from mrk.machine.usb import UsbDevice
from mrk.machine.v4l2 import V4l2Device
from nurseries.machine.devices import SerialReader, UsbReader, pyserial_ports
from nurseries.machine.host_tree import HostTree
from nurseries.machine.shared_reading import SharedReading
from nurseries.machine.v4l2_node import VideoNode, open_node
from nurseries.machine.video import LibcameraReader, V4l2Reader

# The kernel gives up on a USB device that does not answer after 5 s.
DEADLINE_S = 8.0


class Peripherals:
    """Lists of devices.

    `list_ports` gives paths of serial ports; `open_video` opens /dev/videoN.
    """

    def __init__(
        self,
        commands: Commands,
        *,
        tree: HostTree | None = None,
        list_ports: Callable[[], Iterable[str]] = pyserial_ports,
        open_video: Callable[[str], VideoNode | None] = open_node,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        tree = tree or HostTree()
        self._usb = UsbReader(tree)
        self._serial = SerialReader(tree, list_ports)
        self._v4l2 = V4l2Reader(tree, open_video)
        self._libcamera = LibcameraReader(tree, commands)
        self._usb_reading = SharedReading[list[UsbDevice]]("USB devices", deadline_s)
        self._serial_reading = SharedReading[list[SerialDevice]]("Serial ports", deadline_s)
        self._video_reading = SharedReading[tuple[list[V4l2Device], bool]](
            "Video devices", deadline_s
        )

    async def usb(self) -> list[UsbDevice]:
        """USB devices; raises `ClientError` 503 at the deadline."""
        return await self._usb_reading.get(self._usb.read)

    async def serial(self) -> list[SerialDevice]:
        """Serial ports; raises `ClientError` 503 at the deadline."""
        return await self._serial_reading.get(self._serial.read)

    async def video(self) -> tuple[list[V4l2Device], list[LibcameraDevice]]:
        """Devices of V4L2 and of libcamera; raises `ClientError` 503 at the deadline."""
        devices, libcamera_installed = await self._video_reading.get(self._read_video)
        cameras = await self._libcamera.read() if libcamera_installed else []
        return devices, cameras

    def _read_video(self) -> tuple[list[V4l2Device], bool]:
        return self._v4l2.read(), self._libcamera.is_installed()
