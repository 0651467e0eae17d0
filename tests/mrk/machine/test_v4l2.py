import struct

from hypothesis import given
from hypothesis import strategies as st

from mrk.machine import v4l2
from mrk.machine.libcamera import parse_listing


def capability(flags: int, own: int = 0) -> bytes:
    return struct.pack(
        "=16s32s32sLLL12x", b"uvcvideo", b"HD Webcam", b"usb-0000:01:00.0-1.3",
        6 << 16 | 6 << 8 | 31, flags, own,
    )  # fmt: skip


def test_the_requests_hold_the_sizes_of_their_structures() -> None:
    for request, buffer in (
        (v4l2.QUERY_CAPABILITY, v4l2.capability_buffer()),
        (v4l2.ENUMERATE_FORMATS, v4l2.format_buffer(0, 1)),
        (v4l2.ENUMERATE_SIZES, v4l2.size_buffer(0, 0)),
    ):
        assert request >> 16 & 0x3FFF == len(buffer)


def test_a_nodes_own_capabilities_win_over_the_devices() -> None:
    found = v4l2.read_capability(capability(0x84A00001, own=0x04200001))
    assert found.names == ["VIDEO_CAPTURE", "EXT_PIX_FORMAT", "STREAMING"]
    assert found.captures
    assert found.version == "6.6.31"
    assert not v4l2.read_capability(capability(0x84A00001, own=0x04A00000)).captures


def test_without_its_own_the_devices_count() -> None:
    assert v4l2.read_capability(capability(0x04000001)).names == ["VIDEO_CAPTURE", "STREAMING"]


def test_planes_are_asked_for_by_their_own_buffer_type() -> None:
    assert v4l2.read_capability(capability(0x1000)).buffer_type == 9
    assert v4l2.read_capability(capability(0x1)).buffer_type == 1


def test_pixel_formats() -> None:
    assert v4l2.fourcc(int.from_bytes(b"MJPG", "little")) == "MJPG"
    assert v4l2.fourcc(int.from_bytes(b"Y16 ", "little") | 1 << 31) == "Y16-BE"


def test_sizes_in_steps_are_not_fixed() -> None:
    assert v4l2.read_size(struct.pack("=LLLLL24x", 0, 0, 1, 640, 480)) == "640x480"
    assert v4l2.read_size(struct.pack("=LLLLL24x", 0, 0, 3, 16, 4096)) is None


@given(st.binary(min_size=104, max_size=104))
def test_whatever_a_driver_writes_can_be_read(data: bytes) -> None:
    v4l2.read_capability(data)
    v4l2.read_format(data[:64])
    v4l2.read_size(data[:44])


def test_libcamera_logs_before_its_listing() -> None:
    output = b'[0:1] INFO Camera\n[{"libcamera_id":"/base/x","model":null,"modes":[]}]\n'
    assert [camera.libcamera_id for camera in parse_listing(output)] == ["/base/x"]


@given(st.binary(max_size=100))
def test_junk_is_no_listing(output: bytes) -> None:
    assert parse_listing(b"x" + output.replace(b"\n", b"")) == []
    parse_listing(output)
