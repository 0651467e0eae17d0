"""UFP packages (a ZIP with a model and perhaps an image): which entries are taken, and when none.

Pure: decides on the directory of the archive; who unpacks also counts the bytes that really come.
A package with one name that climbs out, is absolute, twice or encrypted is refused as a whole.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from mrk.definitions.limits import MIB
from mrk.errors import MrkError

MODEL = "3D/model.gcode"
IMAGE = "Metadata/thumbnail.png"
ENTRIES_LIMIT = 1000
MODEL_LIMIT_BYTES = 4096 * MIB
IMAGE_LIMIT_BYTES = 8 * MIB
RATIO_LIMIT = 100  # g-code shrinks about 4 to 15 times
RATIO_FREE_BYTES = 16 * MIB  # below this size a ratio says nothing
_ENCRYPTED = 0x1


class PackageRefused(MrkError):
    """The package is damaged, hostile, or holds no model."""


@dataclass(frozen=True, slots=True)
class Package:
    """The two entries of a package that matter."""

    model: zipfile.ZipInfo
    image: zipfile.ZipInfo | None


def open_package(entries: Sequence[zipfile.ZipInfo]) -> Package:
    """Find model and image among the archive's entries; raises `PackageRefused`."""
    by_name = entries_by_name(entries)
    model, image = by_name.get(MODEL), by_name.get(IMAGE)
    if model is None:
        raise PackageRefused(f"no {MODEL} in it")
    check_model(model)
    if image is not None and image.file_size > IMAGE_LIMIT_BYTES:
        image = None
    return Package(model, image)


def entries_by_name(entries: Sequence[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """The archive's entries; raises `PackageRefused` for one name that leads elsewhere."""
    if len(entries) > ENTRIES_LIMIT:
        raise PackageRefused(f"{len(entries)} entries, at most {ENTRIES_LIMIT} are taken")
    by_name: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = _plain_name(entry.orig_filename)
        if name in by_name:
            raise PackageRefused(f"{name!r} is there twice")
        by_name[name] = entry
    return by_name


def _plain_name(name: str) -> str:
    parts = name.removeprefix("/").removesuffix("/").split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in name or "\0" in name:
        raise PackageRefused(f"the name {name[:80]!r} does not stay inside the package")
    if ":" in parts[0]:
        raise PackageRefused(f"the name {name[:80]!r} does not stay inside the package")
    return "/".join(parts)


def check_model(entry: zipfile.ZipInfo) -> None:
    """Raise `PackageRefused` for g-code that should not be unpacked."""
    if entry.flag_bits & _ENCRYPTED:
        raise PackageRefused("it is encrypted")
    if entry.file_size > MODEL_LIMIT_BYTES:
        raise PackageRefused(f"its model of {entry.file_size} bytes is too large")
    if entry.file_size > max(RATIO_FREE_BYTES, RATIO_LIMIT * entry.compress_size):
        raise PackageRefused("its model is packed too tightly to be g-code")
