from hypothesis import given
from hypothesis import strategies as st

from mrk.machine.usb import usb_device
from mrk.machine.usb_ids import UsbNames, look_up

LIST = b"""# comment
0403  Future Technology Devices International, Ltd
\t6001  FT232 Serial (UART) IC
\t\t01  an interface
\t6002  Other
046D  Logitech, Inc.
\t0825  Webcam C270
C 02  Communications
\t00  Unused
\t02  Abstract (modem)
\t\t00  None
\t\t01  AT-commands (v.25ter)
C 03  Human Interface Device
\t02  Not asked
AT 0100  USB Undefined
\t02  Not of a class
HID 21  HID
""".splitlines()


def test_only_what_is_wanted_is_found() -> None:
    names = look_up(LIST, {("0403", "6001"), ("046d", "9999")}, {("02", "02", "01")})
    assert names.vendors == {
        "0403": "Future Technology Devices International, Ltd",
        "046d": "Logitech, Inc.",
    }
    assert names.products == {("0403", "6001"): "FT232 Serial (UART) IC"}
    assert names.class_names(("02", "02", "01")) == (
        "Communications",
        "Abstract (modem)",
        "AT-commands (v.25ter)",
    )


def test_the_lists_own_words_for_nothing_are_no_names() -> None:
    assert look_up(LIST, set(), {("02", "00", "00")}).class_names(("02", "00", "00")) == (
        "Communications", None, None,
    )  # fmt: skip


def test_a_device_without_names() -> None:
    attributes = {"busnum": b"1\n", "devnum": b"12\n", "idVendor": b"1A86\n", "idProduct": b"7523"}
    device = usb_device(attributes, UsbNames())
    assert device is not None
    assert (device.usb_location, device.vendor_id) == ("1:12", "1a86")
    assert device.manufacturer is device.description is device.device_class is None


@given(
    st.dictionaries(
        st.sampled_from(["busnum", "devnum", "idVendor", "idProduct", "product", "bDeviceClass"]),
        st.none() | st.binary(max_size=20),
    )
)
def test_a_device_that_vanishes_while_read_is_none(attributes: dict[str, bytes | None]) -> None:
    attributes.pop("idProduct", None)
    assert usb_device(attributes, UsbNames()) is None


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_no_list_is_too_strange(lines: list[bytes]) -> None:
    look_up([*LIST, *lines], {("0403", "6001")}, {("02", "02", "01")})
