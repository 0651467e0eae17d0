"""Single figures of the host: its uptime and the temperature of its processor.

Pure. Formats: proc(5), "/proc/uptime"; the kernel's Documentation/driver-api/thermal/sysfs-api.rst.
"""

import math

# A figure is a few bytes; more is another file than the one meant.
_MOST_BYTES = 64


def parse_uptime(data: bytes) -> float:
    """Return seconds since boot from /proc/uptime, 0 when unreadable."""
    words = data[:_MOST_BYTES].split()
    return (_number(words[0]) if words else None) or 0.0


def parse_thermal_zone(data: bytes) -> float | None:
    """Return degrees Celsius from a thermal zone's `temp` (millidegrees), None when unreadable."""
    if len(data) > _MOST_BYTES:
        return None
    millidegrees = _number(data.strip())
    return None if millidegrees is None else round(millidegrees / 1000, 2)


def _number(word: bytes) -> float | None:
    try:
        value = float(word)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
