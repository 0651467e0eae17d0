"""3MF project files of slicers: the g-code of their plates, and the picture of each.

Pure: decides on the directory of the archive, under the same rules as for UFP packages.
"""

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

from mrk.gcode.ufp import IMAGE_LIMIT_BYTES, PackageRefused, check_model, entries_by_name

PLATES_LIMIT = 64
_PLATE = re.compile(r"Metadata/plate_(\d{1,4})\.gcode")


@dataclass(frozen=True, slots=True)
class Plate:
    """One plate's g-code; `others` are the numbers of the further plates that have some."""

    model: zipfile.ZipInfo
    image: zipfile.ZipInfo | None
    others: list[int]


def is_project(entries: Sequence[zipfile.ZipInfo]) -> bool:
    """Whether the archive holds g-code as a project does."""
    return any(_PLATE.fullmatch(entry.filename) for entry in entries)


def open_plate(entries: Sequence[zipfile.ZipInfo], number: int) -> Plate:
    """A plate's entries, of the first plate for 0; raises `PackageRefused`."""
    by_name = entries_by_name(entries)
    plates = {
        int(match[1]): entry for name, entry in by_name.items() if (match := _PLATE.fullmatch(name))
    }
    if len(plates) > PLATES_LIMIT:
        raise PackageRefused(f"{len(plates)} plates, at most {PLATES_LIMIT} are taken")
    if not plates or (number and number not in plates):
        raise PackageRefused("no g-code of a plate in it")
    number = number or min(plates)
    model = plates.pop(number)
    check_model(model)
    image = by_name.get(f"Metadata/plate_{number}.png")
    if image is not None and image.file_size > IMAGE_LIMIT_BYTES:
        image = None
    return Plate(model, image, sorted(plates))
