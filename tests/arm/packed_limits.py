"""Prints limits as the compiled planner takes them, for `kernel_results.py`."""

import json

import msgspec

from mrk.estimate.kernel_choice import packed_limits
from mrk.estimate.printer_limits import Slowdown
from tests.mrk.estimate.printers import FULL

PRINTERS = {
    "cartesian": FULL,
    "delta": msgspec.structs.replace(FULL, slowdown=Slowdown("radius", 100.0**2, 120.0**2)),
    "polar": msgspec.structs.replace(FULL, slowdown=Slowdown("turn", 3.0)),
}

if __name__ == "__main__":
    print(json.dumps({name: packed_limits(limits).hex() for name, limits in PRINTERS.items()}))
