"""Names of USB vendors, products and classes, looked up in the usb.ids list.

Pure: lines in, names out. The list is read through once for all that is wanted, because 25,000
lines would be 4 MB as a table. Format: the comments at the head of the list itself.
"""

import re
from collections.abc import Collection, Iterable

import msgspec

# `0403  Future Technology Devices International, Ltd`, `\t6001  FT232 Serial (UART) IC`
_VENDOR = re.compile(rb"([0-9a-fA-F]{4})\s+(\S.*)")
_CLASS = re.compile(rb"C ([0-9a-fA-F]{2})\s+(\S.*)")
_CODE = re.compile(rb"\t{1,2}([0-9a-fA-F]{2})\s+(\S.*)")
_PRODUCT = re.compile(rb"\t([0-9a-fA-F]{4})\s+(\S.*)")
# The list's own words for "nothing to say".
_NO_NAMES = {"?", "Unused", "None", "(Defined at Interface level)"}

Product = tuple[str, str]  # vendor and product id
DeviceClass = tuple[str, str, str]  # class, subclass and protocol


class UsbNames(msgspec.Struct, frozen=True):
    """What the list knows, by four lower-case digits; classes by one to three pairs of digits."""

    vendors: dict[str, str] = {}
    products: dict[Product, str] = {}
    classes: dict[tuple[str, ...], str] = {}

    def class_names(self, of: DeviceClass) -> tuple[str | None, str | None, str | None]:
        """Names of class, subclass and protocol."""
        return self.classes.get(of[:1]), self.classes.get(of[:2]), self.classes.get(of)


def look_up(
    lines: Iterable[bytes], products: Collection[Product], classes: Collection[DeviceClass]
) -> UsbNames:
    """Find the names of what is wanted."""
    names = UsbNames()
    vendors = {vendor for vendor, _ in products}
    codes = {of[:length] for of in classes for length in (1, 2, 3)}
    vendor: str | None = None
    path: tuple[str, ...] = ()
    for line in lines:
        if not line.startswith(b"\t"):
            vendor, path = _open_section(line, vendors, codes, names)
        elif vendor is not None:
            _note_product(line, vendor, products, names)
        elif path:
            path = _note_code(line, path, codes, names)
    return names


def _open_section(
    line: bytes, vendors: set[str], codes: set[tuple[str, ...]], names: UsbNames
) -> tuple[str | None, tuple[str, ...]]:
    found = _VENDOR.match(line)
    if found is not None:
        vendor = _id(found)
        if vendor in vendors:
            names.vendors[vendor] = _name(found)
            return vendor, ()
        return None, ()
    found = _CLASS.match(line)
    if found is not None and (_id(found),) in codes:
        _note_class((_id(found),), found, names)
        return None, (_id(found),)
    return None, ()


def _note_product(line: bytes, vendor: str, products: Collection[Product], names: UsbNames) -> None:
    found = _PRODUCT.match(line)
    if found is not None and (vendor, _id(found)) in products:
        names.products[vendor, _id(found)] = _name(found)


def _note_code(
    line: bytes, path: tuple[str, ...], codes: set[tuple[str, ...]], names: UsbNames
) -> tuple[str, ...]:
    found = _CODE.match(line)
    if found is None:
        return path
    depth = 2 if line.startswith(b"\t\t") else 1
    # A protocol belongs to the subclass above it, a subclass to the class.
    path = (*path[:depth], _id(found)) if len(path) >= depth else path
    if path in codes:
        _note_class(path, found, names)
    return path


def _note_class(path: tuple[str, ...], found: re.Match[bytes], names: UsbNames) -> None:
    if _name(found) not in _NO_NAMES:
        names.classes[path] = _name(found)


def _id(found: re.Match[bytes]) -> str:
    return found[1].decode("ascii").lower()


def _name(found: re.Match[bytes]) -> str:
    return found[2].decode("utf-8", "replace").strip()
