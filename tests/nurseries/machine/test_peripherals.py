import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from mrk.errors import ClientError
from nurseries.machine.endpoints import SerialDevices, UsbDevices, VideoDevices
from nurseries.machine.host_tree import HostTree
from nurseries.machine.peripherals import Peripherals
from nurseries.machine.v4l2_node import VideoNode
from tests.fakes.commands import FakeCommands, said
from tests.fakes.machine_tree import unpack
from tests.fakes.video import STEPWISE, FakeVideoNode

CAPTURE = 0x04200001
WEBCAM: list[tuple[str, str, int, list[str] | str]] = [
    ("YUYV", "YUYV 4:2:2", 0, ["640x480", "1280x720"]),
    ("MJPG", "Motion-JPEG", 1, ["640x480"]),
    ("H264", "H.264", 1, STEPWISE),
]


def no_ports() -> list[str]:
    return []


def no_video(path: str) -> VideoNode | None:
    return None


def peripherals(
    root: Path,
    *,
    list_ports: Callable[[], list[str]] = no_ports,
    open_video: Callable[[str], VideoNode | None] = no_video,
    commands: FakeCommands | None = None,
    deadline_s: float = 5.0,
) -> Peripherals:
    return Peripherals(
        commands or FakeCommands(),
        tree=HostTree(root),
        list_ports=list_ports,
        open_video=open_video,
        deadline_s=deadline_s,
    )


async def usb(of: Peripherals) -> list[dict[str, Any]]:
    return msgspec.to_builtins(await of.usb())


async def serial(of: Peripherals) -> dict[str, dict[str, Any]]:
    found = msgspec.to_builtins(await of.serial())
    return {device["device_name"]: device for device in found}


async def video(of: Peripherals) -> dict[str, Any]:
    return msgspec.to_builtins(VideoDevices(*await of.video()))


@pytest.fixture
def pi(tmp_path: Path) -> Path:
    return unpack("raspberry_pi", tmp_path)


async def test_usb_devices_with_the_lists_names(pi: Path) -> None:
    found = await usb(peripherals(pi))
    assert [device["usb_location"] for device in found] == ["1:1", "1:2", "1:3", "1:4", "1:5"]
    assert found[2] == {
        "device_num": 3,
        "bus_num": 1,
        "vendor_id": "046d",
        "product_id": "0825",
        "usb_location": "1:3",
        "manufacturer": "Logitech, Inc.",
        "product": "Webcam C270",
        "serial": "66EF0390",
        "class": "Miscellaneous Device",
        "subclass": None,
        "protocol": "Interface Association",
        "description": "Logitech, Inc. Webcam C270",
    }
    described = [(d["class"], d["protocol"], d["description"]) for d in found]
    assert described[0] == ("Hub", "Single TT", "Linux Foundation 2.0 root hub")
    assert described[3] == ("Communications", None, "OpenMoko, Inc. Klipper 3d-Printer Firmware")
    assert described[4][:2] == (None, None)


async def test_usb_devices_without_the_list(tmp_path: Path) -> None:
    found = await usb(peripherals(unpack("pc", tmp_path)))
    assert [device["product"] for device in found] == [None, "USB Serial"]
    assert all(device["description"] is device["class"] is None for device in found)


async def test_names_are_looked_up_for_a_device_plugged_in_later(pi: Path) -> None:
    of = peripherals(pi)
    link = pi / "sys/bus/usb/devices/1-1.1"
    target = os.readlink(link)
    link.unlink()
    assert len(await usb(of)) == 4
    link.symlink_to(target)
    assert (await usb(of))[2]["product"] == "Webcam C270"


async def test_devices_that_vanish_are_huge_or_binary(pi: Path) -> None:
    devices = pi / "sys/bus/usb/devices"
    (devices / "1-1.1/idProduct").unlink()
    (devices / "1-1.2/product").write_bytes(b"\xff\xfe\0junk")
    (devices / "1-1.2/serial").write_bytes(b"1" * 5_000_000)
    (devices / "1-1.3/busnum").write_text("one\n")
    (devices / "gone").symlink_to("../nowhere")
    found = {device["usb_location"]: device for device in await usb(peripherals(pi))}
    assert list(found) == ["1:1", "1:2", "1:4"]
    assert found["1:4"]["product"] == "Klipper 3d-Printer Firmware"
    assert found["1:4"]["serial"] is None


async def test_a_host_without_any_of_it(tmp_path: Path) -> None:
    of = peripherals(tmp_path)
    assert await usb(of) == []
    assert await serial(of) == {}
    assert await video(of) == {"v4l2_devices": [], "libcamera_devices": []}


async def test_serial_ports_of_a_raspberry_pi(pi: Path) -> None:
    found = await serial(peripherals(pi))
    assert found == {
        "ttyACM0": {
            "device_type": "usb",
            "device_path": "/dev/ttyACM0",
            "device_name": "ttyACM0",
            "driver_name": "cdc_acm",
            "path_by_hardware": (
                "/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0"
            ),
            "path_by_id": (
                "/dev/serial/by-id/usb-Klipper_stm32f407xx_2A0039000B51353431333033-if00"
            ),
            "usb_location": "1:4",
        },
        "ttyAMA0": {
            "device_type": "hardware_uart",
            "device_path": "/dev/ttyAMA0",
            "device_name": "ttyAMA0",
            "driver_name": "uart-pl011",
            "path_by_hardware": None,
            "path_by_id": None,
            "usb_location": None,
        },
        "ttyUSB0": {
            "device_type": "usb",
            "device_path": "/dev/ttyUSB0",
            "device_name": "ttyUSB0",
            "driver_name": "ftdi_sio",
            "path_by_hardware": (
                "/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.3:1.0-port0"
            ),
            "path_by_id": "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A10K5X2B-if00-port0",
            "usb_location": "1:5",
        },
    }


async def test_reserved_ports_of_a_pc_are_left_out(tmp_path: Path) -> None:
    found = await serial(peripherals(unpack("pc", tmp_path)))
    assert {name: device["driver_name"] for name, device in found.items()} == {
        "ttyS0": "serial",
        "ttyUSB0": "ch341-uart",
    }
    assert found["ttyUSB0"]["usb_location"] == "2:7"


async def test_ports_that_only_pyserial_knows(tmp_path: Path) -> None:
    root = unpack("allwinner", tmp_path)
    found = await serial(peripherals(root, list_ports=lambda: ["/dev/rfcomm0", "/dev/ttyS0"]))
    kinds = {name: device["device_type"] for name, device in found.items()}
    assert kinds == {"rfcomm0": "unknown", "ttyGS0": "unknown", "ttyS0": "hardware_uart"}


async def test_capture_devices_in_the_order_of_their_numbers(pi: Path) -> None:
    nodes = {
        "/dev/video0": FakeVideoNode(CAPTURE, WEBCAM),
        "/dev/video1": FakeVideoNode(0x04A00000),
        "/dev/video10": FakeVideoNode(CAPTURE, driver="x" * 16, card="second"),
    }
    found = await video(peripherals(pi, open_video=nodes.get))
    first, second = found["v4l2_devices"]
    assert first == {
        "device_name": "video0",
        "device_path": "/dev/video0",
        "camera_name": "UVC Camera (046d:0825)",
        "driver_name": "uvcvideo",
        "hardware_bus": "usb-0000:01:00.0-1.1",
        "modes": [
            {
                "format": "YUYV",
                "description": "YUYV 4:2:2",
                "flags": [],
                "resolutions": ["640x480", "1280x720"],
            },
            {
                "format": "MJPG",
                "description": "Motion-JPEG",
                "flags": ["COMPRESSED"],
                "resolutions": ["640x480"],
            },
        ],
        "capabilities": ["VIDEO_CAPTURE", "EXT_PIX_FORMAT", "STREAMING"],
        "version": "6.6.31",
        "path_by_hardware": (
            "/dev/v4l/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.1:1.0-video-index0"
        ),
        "path_by_id": "/dev/v4l/by-id/usb-046d_0825_66EF0390-video-index0",
        "alt_name": "UVC Camera (046d:0825)",
        "usb_location": "1:3",
    }
    assert (second["device_name"], second["camera_name"]) == ("video10", "second")
    assert second["usb_location"] is None
    assert [node.closed for node in nodes.values()] == [1, 1, 1]


async def test_a_driver_without_end_or_answer(pi: Path) -> None:
    nodes = {
        "/dev/video0": FakeVideoNode(CAPTURE, WEBCAM, endless=True),
        "/dev/video10": FakeVideoNode(CAPTURE, broken=True),
    }
    (only,) = (await video(peripherals(pi, open_video=nodes.get)))["v4l2_devices"]
    assert len(only["modes"]) == 64
    assert len(only["modes"][0]["resolutions"]) == 128
    assert nodes["/dev/video10"].closed == 1


async def test_libcamera_is_asked_only_where_it_is_installed(pi: Path) -> None:
    listing = b'[{"libcamera_id": "/base/soc/ov5647@36", "model": "ov5647", "modes": []}]\n'
    commands = FakeCommands()
    of = peripherals(pi, commands=commands)
    assert (await video(of))["libcamera_devices"] == []
    assert commands.asked == []
    (pi / "usr/lib/python3/dist-packages/libcamera").mkdir(parents=True)
    assert (await video(of))["libcamera_devices"] == []
    (asked,) = commands.asked
    commands.answers[asked[-1]] = said(listing)
    (camera,) = (await video(of))["libcamera_devices"]
    assert camera["model"] == "ov5647"


async def test_a_hanging_driver_costs_a_thread_and_an_error(pi: Path) -> None:
    release = threading.Event()

    def hang(path: str) -> VideoNode | None:
        release.wait(10)
        return None

    of = peripherals(pi, open_video=hang, deadline_s=0.5)
    try:
        for _ in range(2):
            with pytest.raises(ClientError, match="Video devices: no answer within"):
                await video(of)
        # The others do not wait for it.
        assert len(await usb(of)) == 5
    finally:
        release.set()


async def test_callers_at_the_same_time_share_a_reading(pi: Path) -> None:
    readings = 0

    def list_ports() -> list[str]:
        nonlocal readings
        readings += 1
        return []

    of = peripherals(pi, list_ports=list_ports)
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(serial, of)
    assert readings == 1
    await serial(of)
    assert readings == 2


async def test_a_cancelled_caller_leaves_the_others_their_reading(pi: Path) -> None:
    reading, release = threading.Event(), threading.Event()

    def list_ports() -> list[str]:
        reading.set()
        release.wait(5)
        return []

    of = peripherals(pi, list_ports=list_ports)
    answers: list[dict[str, Any]] = []

    async def ask() -> None:
        answers.append(await serial(of))

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope() as first:
                async with trio.open_nursery() as ours:
                    ours.start_soon(ask)
                    await trio.to_thread.run_sync(reading.wait, 5)
                    nursery.start_soon(ask)
                    first.cancel()
            release.set()
    assert len(answers) == 1
    assert "ttyACM0" in answers[0]


def test_the_answers_have_schemas() -> None:
    for answer in (UsbDevices, SerialDevices, VideoDevices):
        assert msgspec.json.schema(answer)


async def test_this_host_can_be_read() -> None:
    of = Peripherals(FakeCommands())
    await usb(of)
    await serial(of)
    await video(of)


async def test_the_tree_may_vanish_while_it_is_read(pi: Path) -> None:
    async def remove() -> None:
        await trio.to_thread.run_sync(lambda: shutil.rmtree(pi / "sys", ignore_errors=True))

    of = peripherals(pi)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(remove)
        for _ in range(5):
            await usb(of)
            await serial(of)
            await video(of)
