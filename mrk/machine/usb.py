"""USB devices from their attributes in /sys/bus/usb/devices.

Pure. Format: the kernel's Documentation/ABI/testing/sysfs-bus-usb and stable/sysfs-bus-usb.
"""

from collections.abc import Mapping

import msgspec

from mrk.machine.attribute import hex_digits, number, text
from mrk.machine.usb_ids import DeviceClass, Product, UsbNames

ATTRIBUTES = (
    "busnum", "devnum", "idVendor", "idProduct", "manufacturer", "product", "serial",
    "bDeviceClass", "bDeviceSubClass", "bDeviceProtocol",
)  # fmt: skip
# Each interface of the device names a class of its own.
_BY_INTERFACE = "00"


class UsbDevice(msgspec.Struct, frozen=True):
    """As `machine.peripherals.usb` lists it; ids are four lower-case digits."""

    device_num: int
    bus_num: int
    vendor_id: str
    product_id: str
    usb_location: str
    manufacturer: str | None
    product: str | None
    serial: str | None
    device_class: str | None = msgspec.field(name="class")
    subclass: str | None
    protocol: str | None
    description: str | None


Attributes = Mapping[str, bytes | None]


def product_of(attributes: Attributes) -> Product | None:
    """Vendor and product id; None for what is no device, or is gone."""
    vendor = hex_digits(attributes.get("idVendor"), 4)
    product = hex_digits(attributes.get("idProduct"), 4)
    return None if vendor is None or product is None else (vendor, product)


def class_of(attributes: Attributes) -> DeviceClass | None:
    """Class, subclass and protocol; None when unknown or left to the interfaces."""
    names = ("bDeviceClass", "bDeviceSubClass", "bDeviceProtocol")
    code, subclass, protocol = (hex_digits(attributes.get(name), 2) for name in names)
    if code is None or code == _BY_INTERFACE or subclass is None or protocol is None:
        return None
    return code, subclass, protocol


def usb_location(busnum: bytes | None, devnum: bytes | None) -> str | None:
    """`bus:device`, which links the lists of devices."""
    bus, device = number(busnum), number(devnum)
    return None if bus is None or device is None else f"{bus}:{device}"


def usb_device(attributes: Attributes, names: UsbNames) -> UsbDevice | None:
    """Describe one; None for what is no device, or is gone."""
    ids = product_of(attributes)
    bus, device = number(attributes.get("busnum")), number(attributes.get("devnum"))
    if ids is None or bus is None or device is None:
        return None
    vendor, product = names.vendors.get(ids[0]), names.products.get(ids)
    of = class_of(attributes)
    class_name, subclass, protocol = (None, None, None) if of is None else names.class_names(of)
    return UsbDevice(
        device_num=device,
        bus_num=bus,
        vendor_id=ids[0],
        product_id=ids[1],
        usb_location=f"{bus}:{device}",
        manufacturer=text(attributes.get("manufacturer")) or vendor,
        product=text(attributes.get("product")) or product,
        serial=text(attributes.get("serial")),
        device_class=class_name,
        subclass=subclass,
        protocol=protocol,
        description=f"{vendor} {product}" if vendor and product else None,
    )
