"""What the card at the first MMC slot is: the CID register and the size, as sysfs shows them.

Pure. Source: SD Physical Layer Simplified Specification 5.2 (CID), JEDEC eMMC 7.2 (CID), and the
kernel's Documentation/driver-api/mmc/mmc-dev-attrs.rst.
"""

import re

import msgspec
from msgspec import UNSET, UnsetType

from mrk.machine.attribute import number, text

_SECTOR_BYTES = 512
_CID = r"[0-9a-f]{32}\Z"
# As known from cards; the registry of the SD Association is not public.
_SD_MANUFACTURERS = {
    "01": "Panasonic",
    "02": "Toshiba",
    "03": "Sandisk",
    "1b": "Samsung",
    "1d": "ADATA",
    "27": "Phison",
    "28": "Lexar",
    "31": "Silicon Power",
    "41": "Kingston",
    "74": "Transcend",
    "76": "Patriot",
    "82": "Sony",
}
_MMC_MANUFACTURERS = {
    "11": "Toshiba",
    "13": "Micron",
    "15": "Samsung",
    "45": "Sandisk",
    "70": "Kingston",
    "88": "Foresee",
    "90": "SK Hynix",
    "fe": "Micron",
}


class SdCard(msgspec.Struct, frozen=True):
    """`manufacturer_date` is month/year; an unknown capacity is `Unknown` and 0 bytes.

    Without a card all of it is unset: an empty object on the wire.
    """

    manufacturer_id: str | UnsetType = UNSET
    manufacturer: str | UnsetType = UNSET
    oem_id: str | UnsetType = UNSET
    product_name: str | UnsetType = UNSET
    product_revision: str | UnsetType = UNSET
    serial_number: str | UnsetType = UNSET
    manufacturer_date: str | UnsetType = UNSET
    capacity: str | UnsetType = UNSET
    total_bytes: int | UnsetType = UNSET


NO_CARD = SdCard()


def sd_card(
    cid: bytes | None, kind: bytes | None, date: bytes | None, sectors: bytes | None
) -> SdCard:
    """Decode `device/cid`, `device/type` (SD or MMC), `device/date` and `size` of mmcblk0."""
    register = (text(cid) or "").lower()
    if not re.match(_CID, register):
        return NO_CARD
    total_bytes = (number(sectors) or 0) * _SECTOR_BYTES
    made = _soldered(register, text(date)) if text(kind) == "MMC" else _inserted(register)
    return SdCard(**made, capacity=_capacity(total_bytes), total_bytes=total_bytes)


def _inserted(cid: str) -> dict[str, str]:
    year, month = int(cid[27:29], 16) + 2000, int(cid[29], 16)
    return {
        "manufacturer_id": cid[:2],
        "manufacturer": _SD_MANUFACTURERS.get(cid[:2], "Unknown"),
        "oem_id": cid[2:6],
        "product_name": _name(cid[6:16]),
        "product_revision": f"{int(cid[16], 16)}.{int(cid[17], 16)}",
        "serial_number": cid[18:26],
        "manufacturer_date": f"{month}/{year}",
    }


def _soldered(cid: str, date: str | None) -> dict[str, str]:
    """An eMMC: its name is a byte longer, and only the kernel knows from when its years count."""
    month, _, year = (date or "").partition("/")
    known = month.isdecimal() and year.isdecimal()
    return {
        "manufacturer_id": cid[:2],
        "manufacturer": _MMC_MANUFACTURERS.get(cid[:2], "Unknown"),
        "oem_id": cid[2:6],
        "product_name": _name(cid[6:18]),
        "product_revision": f"{int(cid[18], 16)}.{int(cid[19], 16)}",
        "serial_number": cid[20:28],
        "manufacturer_date": f"{int(month)}/{int(year)}" if known else "Unknown",
    }


def _name(digits: str) -> str:
    decoded = bytes.fromhex(digits).decode("ascii", "ignore")
    return "".join(char for char in decoded if char.isprintable()).strip()


def _capacity(total_bytes: int) -> str:
    if not total_bytes:
        return "Unknown"
    mib = total_bytes / (1 << 20)
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.1f} MiB"
