"""What two twins answered, side by side: one line for each difference of status or shape."""

from collections.abc import Iterable, Iterator, Mapping

from tests.compat.shape import SPOKEN, Shape, shape, unlike
from tests.compat.twin import Heard

# What Klipper pushes depends on the moment; that it comes is what counts. So does how many
# changes a notification tells, and of which folders.
_OF_THE_MOMENT = frozenset({"notify_status_update", "notify_gcode_response"})
_NO_VALUES: frozenset[str] = frozenset()
_NOTHING: tuple[Heard, ...] = ()


def compare(
    ours: Mapping[str, Iterable[Heard]], theirs: Mapping[str, Iterable[Heard]]
) -> Iterator[str]:
    """`NAME PATH: WHAT`, or `NAME: WHAT` where the status differs."""
    for name in sorted(ours.keys() | theirs.keys()):
        here = ours.get(name, _NOTHING)
        there = theirs.get(name, _NOTHING)
        said = _statuses(here), _statuses(there)
        if said[0] != said[1]:
            yield f"{name}: {said[0]} here, {said[1]} there"
        elif name not in _OF_THE_MOMENT:
            spoken = _NO_VALUES if name.startswith("notify_") else SPOKEN
            shapes = _shape(here, spoken), _shape(there, spoken)
            yield from (f"{name} {line}" for line in unlike(*shapes))


def _statuses(heard: Iterable[Heard]) -> str:
    return " and ".join(sorted({each.status for each in heard})) or "nothing"


def _shape(heard: Iterable[Heard], spoken: frozenset[str]) -> Shape:
    found: dict[str, frozenset[str]] = {}
    for each in heard:
        for path, kinds in shape(each.value, spoken).items():
            found[path] = found.get(path, frozenset()) | kinds
    return found
