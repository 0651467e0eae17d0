"""The built-in item `moonraker` where this server is a release beside others.

Drives `mrk self-update` and `mrk rollback` as children: what is new is built and tried beside, and
after the restart the launcher turns back by itself from a release that fails. So there is nothing
to keep or to revert here, and pip never works in the environment that runs.
"""

from pathlib import Path
from typing import Any

import msgspec

from config.settings.update_items import UpdateItemSettings
from mrk import foreign_json
from mrk.foreign_json import NotJson
from mrk.updates.item import Tell
from mrk.updates.statuses import PythonStatus
from mrk.updates.update_errors import UpdateFailed
from mrk.updates.versions import UNKNOWN
from mrk.version import VERSION
from nurseries.update_manager.child import ChildCommand, ChildRunner

_LOOK_S = 120.0
_UPDATE_S = 1800.0


class _Offered(msgspec.Struct, frozen=True, kw_only=True):
    """What `mrk self-update --json` says."""

    offered: str = UNKNOWN
    is_newer: bool = False
    previous: str = ""


class OwnReleaseItem:
    """Implements `UpdateItem`; `launcher` starts the current release for `data`."""

    def __init__(
        self, settings: UpdateItemSettings, launcher: Path, data: Path, runner: ChildRunner
    ) -> None:
        self._settings = settings
        self._command = [str(launcher), "-d", str(data)]
        self._runner = runner
        self._known = _Offered()
        self._problem = ""

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def is_behind(self) -> bool:
        return self._known.is_newer

    @property
    def prefix(self) -> str:
        return f"Python Package {self.name}"

    @property
    def services(self) -> tuple[str, ...]:
        return self._settings.services

    def status(self) -> PythonStatus:
        known = self._known
        return PythonStatus(
            channel=self._settings.channel,
            debug_enabled=False,
            channel_invalid=self._settings.choices.channel_invalid,
            is_valid=True,
            info_tags=self._settings.info_tags,
            name=self.name,
            branch=None,
            owner=UNKNOWN,
            repo_name=UNKNOWN,
            version=f"v{VERSION}",
            remote_version=UNKNOWN if known.offered == UNKNOWN else f"v{known.offered}",
            rollback_version=f"v{known.previous}" if known.previous else UNKNOWN,
            current_hash=UNKNOWN,
            remote_hash=UNKNOWN,
            is_dirty=False,
            changelog_url="",
            full_version_string=f"v{VERSION}",
            pristine=True,
            warnings=(self._problem,) if self._problem else (),
        )

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self._known)
        return found | {"is_valid": True, "version": VERSION}

    def restore(self, stored: dict[str, Any]) -> None:
        """What was known of another version is old."""
        try:
            known = msgspec.convert(stored, _Offered)
        except msgspec.ValidationError:
            return
        if stored.get("version") == VERSION:
            self._known = known

    async def refresh(self) -> bool:
        """Offline says nothing but why, and what was known stays."""
        self._problem = ""
        try:
            result = await self._run("self-update", "--json", deadline_s=_LOOK_S)
            self._known = foreign_json.decode(result, _Offered)
        except (UpdateFailed, NotJson) as exc:
            self._problem = str(exc)
        return not self._problem

    async def reread(self) -> None:
        """It is this process."""

    async def update(self, tell: Tell) -> bool:
        if not self._known.is_newer:
            return False
        await self._run("self-update", "--no-restart", deadline_s=_UPDATE_S, tell=tell)
        return True

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        """A release is whole or not there; the newest one is installed."""
        await self.refresh()
        await self.update(tell)

    async def rollback(self, tell: Tell) -> bool:
        await self._run("rollback", "--no-restart", deadline_s=_LOOK_S, tell=tell)
        return True

    async def keep(self) -> None:
        """The new release proves itself."""

    async def revert(self, tell: Tell) -> None:
        """The launcher turns back by itself."""

    async def resume(self) -> str | None:
        return None

    async def _run(self, *words: str, deadline_s: float, tell: Tell | None = None) -> str:
        command = ChildCommand(
            argv=[*self._command, *words], shown=f"mrk {words[0]}", deadline_s=deadline_s
        )
        return (await self._runner.check(command, tell)).out
