"""The settings in force: the file's, the database's, and what the webcam adds.

Owns no task. A change is stored before it counts; one that clients store by the database's own
methods is read.
"""

import logging
from collections.abc import Mapping
from typing import Any

import trio

from mrk.access.role_needed import role_needed
from mrk.api.caller import Caller
from mrk.definitions.roles import Role
from mrk.errors import ClientError, Transient
from mrk.subsystem import Needs
from mrk.timelapse.cameras import CameraChoice, camera_of, chosen, with_webcam
from mrk.timelapse.settings import (
    NAMES,
    OF_ADMINS,
    OF_THE_FILE,
    LapseSettings,
    checked,
    merged,
    usable,
)

logger = logging.getLogger(__name__)
NAMESPACE, KEY = "timelapse", "config"


class ChoicesAway(Transient):
    """The database does not say what was chosen."""


class LapseChoices:
    """`written` is what the file says; it wins."""

    def __init__(self, written: Mapping[str, Any], needs: Needs) -> None:
        self.written = written
        self._needs = needs
        self._stored: dict[str, Any] = {}
        # A change replaces the whole record.
        self._at_record = trio.Lock()
        self.settings = merged({}, written)

    async def open(self) -> None:
        """Read what the database has. Raises `ChoicesAway`."""
        try:
            await self.read()
        except ClientError as exc:
            raise ChoicesAway(f"the settings cannot be read: {exc.message}") from exc

    async def read(self) -> set[str]:
        """Read what the database has, and return the names of settings that are others now.

        Raises `ClientError`, and then nothing is changed.
        """
        async with self._at_record:
            stored = await self._needs.database.get_item(NAMESPACE, KEY)
            self._stored, wrong = usable(stored)
        for said in wrong:
            logger.warning("time-lapse: a stored setting is not used: %s", said)
        return self._renewed()

    async def change(self, given: Mapping[str, object], caller: Caller) -> set[str]:
        """Store settings, and return the names of those that are others now.

        Unknown ones are ignored. Raises `ClientError`, and then nothing is changed.
        """
        wanted = {
            name: checked(name, value)
            for name, value in given.items()
            if name in NAMES and name not in OF_THE_FILE
        }
        for name in OF_ADMINS & wanted.keys():
            if wanted[name] != getattr(self.settings, name) and caller.role < Role.ADMIN:
                raise role_needed(Role.ADMIN, caller.role, f"Changing {name}")
        if wanted:
            async with self._at_record:
                stored = {**self._stored, **wanted}
                await self._needs.database.put_item(NAMESPACE, KEY, stored)
                self._stored = stored
        return self._renewed()

    def _renewed(self) -> set[str]:
        before, self.settings = self.settings, merged(self._stored, self.written)
        return {name for name in NAMES if getattr(before, name) != getattr(self.settings, name)}

    async def look(self) -> tuple[LapseSettings, CameraChoice]:
        """The settings as the webcam wants them, and where the webcam is, as of now."""
        webcam = chosen(await self._needs.webcams(), self.settings.camera)
        settings = with_webcam(self.settings, webcam, self.written)
        return settings, camera_of(settings, webcam, self._needs.camera_address)

    async def look_settings(self) -> LapseSettings:
        """The same without the camera."""
        settings, _camera = await self.look()
        return settings
