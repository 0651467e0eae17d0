import pytest

from mrk.machine.serial_ports import Tty, exists, serial_device


@pytest.mark.parametrize(
    ("tty", "expected"),
    [
        (Tty("ttyACM0", "cdc_acm", "1:4"), True),
        (Tty("ttyS0", "serial", is_uart=True, port_type=b"4\n"), True),
        (Tty("ttyS1", "serial8250", is_uart=True, port_type=b"0\n"), False),
        (Tty("ttyS1", "serial8250", is_uart=True, port_type=None), False),
        (Tty("ttyAMA0", "uart-pl011", is_uart=True, port_type=None), True),
        (Tty("ttyAMA0", "uart-pl011", is_uart=True, port_type=b"\xff"), True),
    ],
)
def test_ports_without_a_chip_do_not_exist(tty: Tty, expected: bool) -> None:
    assert exists(tty) is expected


@pytest.mark.parametrize(
    ("tty", "kind"),
    [
        (Tty("ttyUSB0", "ftdi_sio", "1:5"), "usb"),
        (Tty("ttyS0", "serial", is_uart=True), "hardware_uart"),
        (Tty("rfcomm0"), "unknown"),
    ],
)
def test_device_types(tty: Tty, kind: str) -> None:
    device = serial_device(tty, None, None)
    assert device.device_type == kind
    assert device.device_path == f"/dev/{tty.name}"
