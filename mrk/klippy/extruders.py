"""Which printer objects are extruders. Pure."""

import re
from collections.abc import Iterable

_EXTRUDER = re.compile(r"extruder([1-9]\d{0,2})?")


def extruder_number(name: str) -> int | None:
    """0 of `extruder`, 1 of `extruder1`; None for others, such as `extruder_stepper x`."""
    found = _EXTRUDER.fullmatch(name)
    return None if found is None else int(found[1] or 0)


def extruders(objects: Iterable[str]) -> list[str]:
    """Those among printer objects, by number."""
    numbered = ((extruder_number(name), name) for name in objects)
    return [name for number, name in sorted((n, name) for n, name in numbered if n is not None)]
