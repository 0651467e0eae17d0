"""What the items of sections have in common: their settings, and facts that are remembered.

`ConfiguredItem` is a base; what an item looks at and how it changes is its own.
"""

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from config.settings.update_items import UpdateItemSettings
from mrk.updates.statuses import GitStatus, PythonStatus, ReleaseStatus


class ItemFacts(Protocol):
    """A frozen struct: what is known of an item; also what is stored of it."""

    @property
    def is_behind(self) -> bool: ...


Facts = TypeVar("Facts", bound=ItemFacts)


class ConfiguredItem(ABC, Generic[Facts]):
    """Part of an `UpdateItem`; `unknown` are its facts as long as nobody has looked."""

    def __init__(self, settings: UpdateItemSettings, unknown: Facts) -> None:
        self._settings = settings
        self._unknown = unknown
        self.facts = unknown

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def services(self) -> tuple[str, ...]:
        return self._settings.services

    @property
    def is_behind(self) -> bool:
        return self.facts.is_behind

    @abstractmethod
    def status(self) -> GitStatus | PythonStatus | ReleaseStatus: ...

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self.facts)
        return found | {"is_valid": self.status().is_valid}

    def restore(self, stored: dict[str, Any]) -> None:
        try:
            self.facts = msgspec.convert(stored, type(self._unknown))
        except msgspec.ValidationError:
            self.facts = self._unknown
