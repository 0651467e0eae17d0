"""Which layer is being printed. Pure."""

from collections.abc import Mapping
from typing import Any

from mrk.status.numbers import finite


def current_layer(
    info: Mapping[str, Any], z_mm: float | None, metadata: Mapping[str, Any] | None
) -> int | None:
    """As the slicer told Klipper (`print_stats.info`), else by height; None when unknown."""
    told = finite(info.get("current_layer"))
    if told is not None:
        return int(told)
    record = metadata or {}
    height = finite(record.get("layer_height"))
    if z_mm is None or height is None or height <= 0:
        return None
    first = finite(record.get("first_layer_height")) or height
    layer = max(0, round((z_mm - first) / height)) + 1
    most = finite(record.get("layer_count"))
    return layer if most is None or most < 1 else min(layer, int(most))
