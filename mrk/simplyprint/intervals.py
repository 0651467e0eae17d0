"""How often the cloud wants to hear of what. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

_LEAST_MS, _MOST_MS = 250, 3_600_000
_PING_MS = (1_000, 300_000)


class Intervals(msgspec.Struct, frozen=True):
    """In milliseconds, as the cloud says them; `temps_target` counts while something heats."""

    job: int = 1000
    temps: int = 1000
    temps_target: int = 250
    cpu: int = 10_000
    ping: int = 20_000

    def changed(self, wanted: Mapping[str, Any]) -> "Intervals":
        """With what is a number, within bounds."""
        changes = {}
        for name in self.__struct_fields__:
            value = wanted.get(name)
            if isinstance(value, int | float) and not isinstance(value, bool):
                low, high = _PING_MS if name == "ping" else (_LEAST_MS, _MOST_MS)
                changes[name] = int(min(max(value, low), high))
        return msgspec.structs.replace(self, **changes)

    def seconds(self, name: str) -> float:
        """One of them."""
        milliseconds: int = getattr(self, name)
        return milliseconds / 1000
