"""Structures of the Video4Linux2 interface that say what a capture device is and offers.

Pure: requests and buffers out, values in. Source: linux/videodev2.h and the kernel's
userspace-api/media/v4l documents of VIDIOC_QUERYCAP, ENUM_FMT and ENUM_FRAMESIZES.
"""

import struct

import msgspec

QUERY_CAPABILITY = 0x80685600
ENUMERATE_FORMATS = 0xC0405602
ENUMERATE_SIZES = 0xC02C564A

_CAPABILITY = struct.Struct("=16s32s32sLLL12x")
_FORMAT = struct.Struct("=LLL32sL16x")
_SIZE = struct.Struct("=LLLLL24x")
_DISCRETE = 1
_CAPTURE, _CAPTURE_PLANES, _DEVICE_CAPS = 0x1, 0x1000, 0x80000000
_BUFFER_CAPTURE, _BUFFER_CAPTURE_PLANES = 1, 9
_BIG_ENDIAN = 1 << 31
_FORMAT_FLAGS = {0x1: "COMPRESSED", 0x2: "EMULATED"}
_CAPABILITIES = {
    0x00000001: "VIDEO_CAPTURE",
    0x00000002: "VIDEO_OUTPUT",
    0x00000004: "VIDEO_OVERLAY",
    0x00000010: "VBI_CAPTURE",
    0x00000020: "VBI_OUTPUT",
    0x00000040: "SLICED_VBI_CAPTURE",
    0x00000080: "SLICED_VBI_OUTPUT",
    0x00000100: "RDS_CAPTURE",
    0x00000200: "VIDEO_OUTPUT_OVERLAY",
    0x00000400: "HW_FREQ_SEEK",
    0x00000800: "RDS_OUTPUT",
    0x00001000: "VIDEO_CAPTURE_MPLANE",
    0x00002000: "VIDEO_OUTPUT_MPLANE",
    0x00004000: "VIDEO_M2M_MPLANE",
    0x00008000: "VIDEO_M2M",
    0x00010000: "TUNER",
    0x00020000: "AUDIO",
    0x00040000: "RADIO",
    0x00080000: "MODULATOR",
    0x00100000: "SDR_CAPTURE",
    0x00200000: "EXT_PIX_FORMAT",
    0x00400000: "SDR_OUTPUT",
    0x00800000: "META_CAPTURE",
    0x01000000: "READWRITE",
    0x02000000: "EDID",
    0x04000000: "STREAMING",
    0x08000000: "META_OUTPUT",
    0x10000000: "TOUCH",
    0x20000000: "IO_MC",
}


class Mode(msgspec.Struct, frozen=True):
    """A pixel format with its fixed resolutions, `640x480`."""

    format: str
    description: str
    flags: list[str]
    resolutions: list[str]


class V4l2Device(msgspec.Struct, frozen=True):
    """As `machine.peripherals.video` lists it."""

    device_name: str
    device_path: str
    camera_name: str
    driver_name: str
    hardware_bus: str
    modes: list[Mode]
    capabilities: list[str]
    version: str
    path_by_hardware: str | None
    path_by_id: str | None
    alt_name: str | None
    usb_location: str | None


class Capability(msgspec.Struct, frozen=True):
    """The answer to QUERYCAP; `flags` are this node's own, where the driver tells."""

    driver: str
    card: str
    bus_info: str
    version: str
    flags: int

    @property
    def captures(self) -> bool:
        """Whether pictures come out of this node."""
        return bool(self.flags & (_CAPTURE | _CAPTURE_PLANES))

    @property
    def buffer_type(self) -> int:
        """What its formats are asked for with."""
        return _BUFFER_CAPTURE if self.flags & _CAPTURE else _BUFFER_CAPTURE_PLANES

    @property
    def names(self) -> list[str]:
        """Names of the flags."""
        return [name for bit, name in _CAPABILITIES.items() if self.flags & bit]


class PixelFormat(msgspec.Struct, frozen=True):
    """The answer to ENUM_FMT; `code` asks for its sizes."""

    code: int
    name: str
    description: str
    flags: list[str]


def capability_buffer() -> bytearray:
    """For QUERYCAP."""
    return bytearray(_CAPABILITY.size)


def read_capability(buffer: bytes | bytearray) -> Capability:
    """Decode QUERYCAP's answer."""
    driver, card, bus_info, version, all_flags, own_flags = _CAPABILITY.unpack(buffer)
    return Capability(
        driver=_text(driver),
        card=_text(card),
        bus_info=_text(bus_info),
        version=f"{version >> 16}.{version >> 8 & 0xFF}.{version & 0xFF}",
        flags=own_flags if all_flags & _DEVICE_CAPS else all_flags,
    )


def format_buffer(index: int, buffer_type: int) -> bytearray:
    """For ENUM_FMT."""
    return bytearray(_FORMAT.pack(index, buffer_type, 0, b"", 0))


def read_format(buffer: bytes | bytearray) -> PixelFormat:
    """Decode ENUM_FMT's answer."""
    _index, _type, flags, description, code = _FORMAT.unpack(buffer)
    return PixelFormat(
        code=code,
        name=fourcc(code),
        description=_text(description),
        flags=[name for bit, name in _FORMAT_FLAGS.items() if flags & bit],
    )


def size_buffer(index: int, code: int) -> bytearray:
    """For ENUM_FRAMESIZES."""
    return bytearray(_SIZE.pack(index, code, 0, 0, 0))


def read_size(buffer: bytes | bytearray) -> str | None:
    """Decode ENUM_FRAMESIZES' answer: `640x480`, None for a range of sizes."""
    _index, _code, kind, width, height = _SIZE.unpack(buffer)
    return f"{width}x{height}" if kind == _DISCRETE else None


def fourcc(code: int) -> str:
    """The four characters of a pixel format; `-BE` marks the big-endian variant."""
    letters = _text((code & ~_BIG_ENDIAN).to_bytes(4, "little"))
    return f"{letters}-BE" if code & _BIG_ENDIAN else letters


def _text(data: bytes) -> str:
    decoded = data.split(b"\0")[0].decode("utf-8", "replace")
    return "".join(char for char in decoded if char.isprintable()).strip()
