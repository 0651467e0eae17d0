"""Reads V4L2 capture devices, and libcamera's cameras through a child process.

`V4l2Reader` blocks: call it in a thread. `LibcameraReader` runs the system's Python, because
libcamera's module belongs to it, would stay in this process with 20 MB, and can crash.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import trio

from mrk.machine import v4l2
from mrk.machine.attribute import text
from mrk.machine.host_commands import Commands, CommandUnavailable
from mrk.machine.libcamera import LibcameraDevice, parse_listing
from mrk.machine.v4l2 import Capability, Mode, V4l2Device
from nurseries.machine.devices import usb_location_of
from nurseries.machine.host_tree import HostTree
from nurseries.machine.v4l2_node import VideoNode

_CLASS = "sys/class/video4linux"
_NODE = re.compile(r"video(\d{1,4})\Z")
# A driver whose lists never end.
_MOST_FORMATS = 64
_MOST_SIZES = 128
_LIBCAMERA_S = 10.0
_MODULE_FOLDERS = ("usr/lib/python3/dist-packages", "usr/local/lib/python3/dist-packages")
# The interpreter that libcamera's module is installed for.
_SYSTEM_PYTHON = "/usr/bin/python3"
_LISTING = Path(__file__).with_name("libcamera_listing.py")


class V4l2Reader:
    """Capture devices by number."""

    def __init__(self, tree: HostTree, open_node: Callable[[str], VideoNode | None]) -> None:
        self._tree = tree
        self._open_node = open_node

    def read(self) -> list[V4l2Device]:
        """Those that capture video and can be opened."""
        by_path = self._tree.links_to("dev/v4l/by-path")
        by_id = self._tree.links_to("dev/v4l/by-id")
        numbers = [int(n[1]) for n in map(_NODE.match, self._tree.names(_CLASS)) if n is not None]
        names = [f"video{number}" for number in sorted(numbers)]
        devices = [self._device(name, by_path.get(name), by_id.get(name)) for name in names]
        return [device for device in devices if device is not None]

    def _device(self, name: str, by_path: str | None, by_id: str | None) -> V4l2Device | None:
        node = self._open_node(f"/dev/{name}")
        if node is None:
            return None
        try:
            buffer = v4l2.capability_buffer()
            if not node.ask(v4l2.QUERY_CAPABILITY, buffer):
                return None
            capability = v4l2.read_capability(buffer)
            modes = list(_modes(node, capability)) if capability.captures else None
        finally:
            node.close()
        if modes is None:
            return None
        device = self._tree.real(f"{_CLASS}/{name}/device")
        return V4l2Device(
            device_name=name,
            device_path=f"/dev/{name}",
            camera_name=capability.card,
            driver_name=capability.driver,
            hardware_bus=capability.bus_info,
            modes=modes,
            capabilities=capability.names,
            version=capability.version,
            path_by_hardware=by_path,
            path_by_id=by_id,
            alt_name=text(self._tree.read(f"{_CLASS}/{name}/name")),
            usb_location=None if device is None else usb_location_of(self._tree, device),
        )


def _modes(node: VideoNode, capability: Capability) -> Iterator[Mode]:
    """Formats with fixed resolutions."""
    for index in range(_MOST_FORMATS):
        buffer = v4l2.format_buffer(index, capability.buffer_type)
        if not node.ask(v4l2.ENUMERATE_FORMATS, buffer):
            return
        found = v4l2.read_format(buffer)
        resolutions = list(_resolutions(node, found.code))
        if resolutions:
            yield Mode(found.name, found.description, found.flags, resolutions)


def _resolutions(node: VideoNode, code: int) -> Iterator[str]:
    for index in range(_MOST_SIZES):
        buffer = v4l2.size_buffer(index, code)
        if not node.ask(v4l2.ENUMERATE_SIZES, buffer):
            return
        size = v4l2.read_size(buffer)
        if size is None:
            return
        yield size


class LibcameraReader:
    """Cameras that libcamera knows; who asks meanwhile shares the listing."""

    def __init__(self, tree: HostTree, commands: Commands) -> None:
        self._tree = tree
        self._commands = commands
        self._one_child = trio.CapacityLimiter(1)
        self._last: list[LibcameraDevice] = []
        self._listed_at = float("-inf")

    def is_installed(self) -> bool:
        """Whether the system's Python has the module; blocks."""
        return any(self._tree.exists(f"{folder}/libcamera") for folder in _MODULE_FOLDERS)

    async def read(self) -> list[LibcameraDevice]:
        """Ask libcamera; empty when that fails or takes longer than 10 s."""
        asked_at = trio.current_time()
        async with self._one_child:
            if self._listed_at <= asked_at:
                self._last = await self._ask()
                self._listed_at = trio.current_time()
            return self._last

    async def _ask(self) -> list[LibcameraDevice]:
        with trio.move_on_after(_LIBCAMERA_S):
            try:
                result = await self._commands.run([_SYSTEM_PYTHON, str(_LISTING)])
            except CommandUnavailable:
                return []
            return parse_listing(result.stdout) if result.status == 0 else []
        return []
