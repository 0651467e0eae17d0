"""The name of this installation on its broker, and whether it had to be changed.

Outlives connections; what was left to another is kept in the database, so that the name does not
change with the order in which two machines are switched on.
"""

import logging
from typing import Any

from mrk.database.database_protocols import ItemsPort
from mrk.errors import ClientError, Transient
from mrk.mqtt.instance_name import NameClaim, names

logger = logging.getLogger(__name__)
NAMESPACE = "moonraker"
KEY = ("mqtt", "left_name")


class NameTaken(Transient):
    """Another installation has the name on this broker: connect anew, under another."""


class Naming:
    """`installation` is the mark of this one; `warnings` are for server.info."""

    def __init__(self, name: str, installation: str, items: ItemsPort) -> None:
        self.warnings: list[str] = []
        self._names = names(name, installation)
        self._turn = 0
        self._installation = installation
        self._items = items
        self._left: object = None
        self._loaded = False

    @property
    def name(self) -> str:
        """What all topics begin with."""
        return self._names[self._turn]

    async def load(self) -> None:
        """Read what the last run found out, once; what cannot be read was nothing."""
        if self._loaded:
            return
        try:
            stored: Any = await self._items.get_item(NAMESPACE, KEY)
        except ClientError as exc:
            logger.warning("mqtt: %s", exc.message)
            return
        self._left, self._loaded = stored, True

    def claim(self) -> NameClaim | None:
        """For a new connection; None for the last name, which nobody else can have."""
        if self._turn == len(self._names) - 1:
            return None
        return NameClaim(self._installation, self._left == self.name)

    async def keep(self) -> None:
        """The broker has the name for us."""
        if self._turn == 0 and self._left is not None:
            await self._store(None)

    async def leave(self) -> None:
        """Another has it: from now on we are called otherwise."""
        taken = self.name
        self._turn += 1
        text = (
            f"[mqtt] instance_name: another installation is called {taken!r} on this broker, so "
            f"this one is {self.name!r} there: give each a name of its own"
        )
        self.warnings.append(text)
        logger.warning("%s", text)
        if self._turn == 1:
            await self._store(taken)

    async def _store(self, left: str | None) -> None:
        self._left = left
        try:
            await self._items.put_item(NAMESPACE, KEY, left)
        except ClientError as exc:
            logger.warning("mqtt: %s", exc.message)
