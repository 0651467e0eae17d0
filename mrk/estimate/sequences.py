"""klipper_estimator's answer, a list of sequences, as one estimate of the whole file. Pure."""

from typing import Any

_SUMS = (
    "total_time", "total_distance", "total_extrude_distance", "num_moves", "total_z_time",
    "total_output_time", "total_travel_time", "total_extrude_only_time",
)  # fmt: skip
_PEAKS = ("max_flow", "max_speed")


def joined_sequences(answer: object) -> dict[str, Any]:
    """Sums, peaks and merged times of all sequences; raises `ValueError`.

    `sequences` has the time of each. What a newer version adds is left out.
    """
    sequences = answer.get("sequences") if isinstance(answer, dict) else None
    if not isinstance(sequences, list) or not all(isinstance(one, dict) for one in sequences):
        raise ValueError("there is no list of sequences")
    found: dict[str, Any] = {name: sum(_number(one, name) for one in sequences) for name in _SUMS}
    for name in _PEAKS:
        found[name] = max((_number(one, name) for one in sequences), default=0.0) or None
    phases = ("acceleration", "cruise", "deceleration")
    found["phase_times"] = {
        phase: sum(_number(one.get("phase_times"), phase) for one in sequences) for phase in phases
    }
    kinds: dict[str, float] = {}
    layers: dict[float, float] = {}
    for one in sequences:
        for kind, time in _pairs(one.get("kind_times")):
            kinds[str(kind)] = kinds.get(str(kind), 0.0) + time
        for height, time in _pairs(one.get("layer_times")):
            layers[height] = layers.get(height, 0.0) + time
    found["kind_times"] = kinds
    found["layer_times"] = sorted(layers.items())
    found["sequences"] = [_number(one, "total_time") for one in sequences]
    return found


def _number(container: object, name: str) -> float:
    value = container.get(name) if isinstance(container, dict) else None
    good = isinstance(value, int | float) and not isinstance(value, bool)
    return value if good and isinstance(value, int | float) else 0.0


def _pairs(table: object) -> list[tuple[Any, float]]:
    """A mapping, or a list of pairs, as pairs with a number."""
    items = list(table.items()) if isinstance(table, dict) else table
    if not isinstance(items, list):
        return []
    pairs = [tuple(item) for item in items if isinstance(item, list | tuple) and len(item) == 2]
    return [(key, time) for key, time in pairs if isinstance(time, int | float)]
