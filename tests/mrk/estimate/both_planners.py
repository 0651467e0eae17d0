"""One text through the compiled kernel and through Python; they have to agree."""

from typing import Any

import msgspec

from mrk.estimate.estimate import Estimation
from mrk.estimate.kernel_choice import new_planner
from mrk.estimate.planner import Planner
from mrk.estimate.printer_limits import PrinterLimits
from mrk.estimate.record import Estimate

# Of a figure: the kernel may put sums together in another order.
TOLERANCE = 1e-9


def estimate_both(
    text: bytes, limits: PrinterLimits, piece: int = 65536, **options: Any
) -> Estimate:
    """The kernel's estimate, or Python's where there is no kernel."""
    found = []
    planners: tuple[Any, ...] = (new_planner, Planner)
    for new in planners:
        estimation = Estimation(limits, new=new, **options)
        for at in range(0, len(text), piece):
            estimation.feed(text[at : at + piece])
        found.append(estimation.finish())
    assert_close(*(msgspec.to_builtins(one) for one in found))
    return found[0]


def assert_close(one: Any, other: Any, path: str = "") -> None:
    """Equal but for the last digits of figures."""
    if isinstance(one, float):
        assert abs(one - other) <= TOLERANCE * max(1.0, abs(one)), (path, one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_close(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), path
        for index, pair in enumerate(zip(one, other, strict=True)):
            assert_close(*pair, f"{path}/{index}")
    else:
        assert one == other, (path, one, other)
