"""An item of type web, zip or executable: what GitHub has as the newest release.

`ReleaseItem` is driven by the update manager, one call at a time, and runs no task.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import trio

from config.settings.update_items import UpdateItemSettings
from mrk.updates.item import Tell
from mrk.updates.release_info import ReleaseFacts, ReleaseInfo
from mrk.updates.statuses import ReleaseStatus
from mrk.updates.update_errors import UpdateRefused
from mrk.updates.versions import UNKNOWN
from nurseries.update_manager.github import GitHub, GitHubFailed
from nurseries.update_manager.installed_release import INVALID, NotInstalled, installed

_PREFIXES = {"web": "Web Client", "zip": "Zip Application", "executable": "Executable"}


class ReleaseItem:
    """Implements `UpdateItem`. `home` may lie in a git clone of its user."""

    def __init__(
        self,
        settings: UpdateItemSettings,
        github: GitHub,
        *,
        home: Callable[[], Path] = Path.home,
    ) -> None:
        assert settings.path is not None
        assert settings.repo is not None
        self._settings = settings
        self._path = settings.path
        self._repo = settings.repo
        self._github = github
        self._home = home
        self.facts = ReleaseFacts(owner=self._repo[0], repo_name=self._repo[1])

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def is_behind(self) -> bool:
        return self.facts.is_behind

    @property
    def prefix(self) -> str:
        return f"{_PREFIXES[self._settings.type]} {self._settings.name}"

    @property
    def services(self) -> tuple[str, ...]:
        return self._settings.services

    # What is known

    def status(self) -> ReleaseStatus:
        settings, facts = self._settings, self.facts
        return ReleaseStatus(
            channel=settings.channel,
            debug_enabled=False,
            channel_invalid=settings.choices.channel_invalid,
            is_valid=facts.problem is None and facts.version != UNKNOWN,
            configured_type=settings.type,
            info_tags=settings.info_tags,
            name=settings.name,
            repo_name=facts.repo_name,
            owner=facts.owner,
            version=facts.version,
            remote_version=facts.remote_version,
            rollback_version=facts.rollback.version if facts.rollback else UNKNOWN,
            last_error=facts.last_error,
            warnings=() if facts.problem is None else (f"{INVALID}: {facts.problem}",),
            anomalies=self._anomalies() if settings.choices.report_anomalies else (),
        )

    def _anomalies(self) -> tuple[str, ...]:
        here, wanted = (self.facts.owner, self.facts.repo_name), self._repo
        if here[0].lower() == wanted[0].lower() and here[1].lower() == wanted[1].lower():
            return ()
        return (
            f"Unofficial repo in release_info.json: {here[0]}/{here[1]},"
            f" expected: {wanted[0]}/{wanted[1]}",
        )

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self.facts)
        return found | {"is_valid": self.status().is_valid}

    def restore(self, stored: dict[str, Any]) -> None:
        try:
            self.facts = msgspec.convert(stored, ReleaseFacts)
        except msgspec.ValidationError:
            self.facts = ReleaseFacts(owner=self._repo[0], repo_name=self._repo[1])

    # Looking

    async def refresh(self) -> None:
        """What GitHub refuses is told in `last_error`; what was known of it stays."""
        await self.look()
        try:
            release = await self._github.newest_release(
                self.facts.owner, self.facts.repo_name, self._settings.channel
            )
        except GitHubFailed as exc:
            self.facts = msgspec.structs.replace(self.facts, last_error=str(exc))
            return
        self.facts = msgspec.structs.replace(
            self.facts,
            remote_version=release.version,
            remote_tag=release.tag_name,
            last_error="",
        )

    async def look(self) -> ReleaseInfo | None:
        """Read what is there."""
        try:
            found = await trio.to_thread.run_sync(
                installed, self._path, self._settings.type, self._home(), abandon_on_cancel=True
            )
        except NotInstalled as exc:
            self.facts = msgspec.structs.replace(self.facts, problem=str(exc), version=UNKNOWN)
            return None
        self.facts = msgspec.structs.replace(
            self.facts,
            problem=None,
            owner=found.project_owner,
            repo_name=found.project_name,
            version=found.version,
            asset_name=found.asset_name,
        )
        return found

    # Changing

    async def update(self, tell: Tell) -> bool:
        raise UpdateRefused("not yet")

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        raise UpdateRefused(f"{self.name} is no git repository; there is nothing to recover")

    async def rollback(self, tell: Tell) -> bool:
        raise UpdateRefused("not yet")

    async def keep(self) -> None: ...

    async def revert(self, tell: Tell) -> None: ...

    async def resume(self) -> str | None:
        return None
