"""Stands for an item whose kind is not known: klipper before it has connected, for example."""

from typing import Any

from mrk.updates.item import Tell
from mrk.updates.statuses import NoStatus


class UnknownItem:
    """Implements `UpdateItem`: has nothing to tell and does nothing."""

    is_behind = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.prefix = f"Unknown {name}"
        self.services: tuple[str, ...] = ()

    def status(self) -> NoStatus:
        return NoStatus()

    def stored(self) -> dict[str, Any]:
        return {}

    def restore(self, stored: dict[str, Any]) -> None: ...

    async def refresh(self) -> bool:
        return True

    async def reread(self) -> None: ...

    async def update(self, tell: Tell) -> bool:
        return False

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None: ...

    async def rollback(self, tell: Tell) -> bool:
        return False

    async def keep(self) -> None: ...

    async def revert(self, tell: Tell) -> None: ...

    async def resume(self) -> str | None:
        return None
