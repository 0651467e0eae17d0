"""The printer's identity at the cloud: kept in the database, and announced until it is set up.

Owns no task. A database that cannot store costs the set-up at the next start, nothing now.
"""

import logging

import msgspec

from mrk.database.database_protocols import ItemsPort
from mrk.errors import ClientError
from mrk.simplyprint.identity import NAMESPACE, CloudIdentity, read_identity
from mrk.status.numbers import finite
from mrk.subsystem import AnnouncementPort

logger = logging.getLogger(__name__)
COMPONENT = "simplyprint"
_AMBIENT = "ambient_temp"
_TITLE = "SimplyPrint set-up"


class StoredIdentity:
    """`identity` and `ambient` count once `load` has returned."""

    def __init__(self, items: ItemsPort, announcements: AnnouncementPort) -> None:
        self._items = items
        self._announcements = announcements
        self._loaded = False
        self.identity = CloudIdentity()
        self.ambient: float | None = None

    async def load(self) -> None:
        """Read it, once. Raises `ClientError`."""
        if not self._loaded:
            records = await self._items.items(NAMESPACE)
            self.identity = read_identity(records)
            self.ambient = finite(records.get(_AMBIENT))
            self._loaded = True

    async def keep(self, identity: CloudIdentity) -> None:
        """It changed; a code that a person has to type is announced, and taken back later."""
        before, self.identity = self.identity, identity
        code = None if identity.is_set_up else identity.short_id
        announced = None if before.is_set_up else before.short_id
        if code != announced or (code is not None and before.announcement is None):
            identity = self.identity = await self._announce(identity, code)
        if identity != before:
            await self._put(identity.records())

    async def keep_ambient(self, value: float | None) -> None:
        """The room's temperature, so that it is known after a restart."""
        if value is not None and (self.ambient is None or abs(value - self.ambient) >= 1):
            self.ambient = value
            await self._put({_AMBIENT: round(value)})

    async def _announce(self, identity: CloudIdentity, code: str | None) -> CloudIdentity:
        try:
            if identity.announcement is not None:
                await self._announcements.take_back(identity.announcement)
            if code is None:
                return msgspec.structs.replace(identity, announcement=None)
            entry = await self._announcements.add_internal(
                COMPONENT,
                _TITLE,
                f"To add this printer at SimplyPrint, type the code {code} there.",
                "https://simplyprint.io",
                priority="high",
            )
        except ClientError as exc:
            logger.warning("simplyprint: the code %s is not announced: %s", code, exc.message)
            return identity
        return msgspec.structs.replace(identity, announcement=entry.entry_id)

    async def _put(self, records: dict[str, object]) -> None:
        try:
            await self._items.put_items(NAMESPACE, records)
        except ClientError as exc:
            logger.warning("simplyprint: the set-up is not stored: %s", exc.message)
