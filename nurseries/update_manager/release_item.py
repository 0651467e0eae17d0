"""An item of type web, zip or executable: what GitHub has as the newest release.

`ReleaseItem` is driven by the update manager, one call at a time, and runs no task.
"""

from pathlib import Path

import msgspec
import trio

from config.settings.update_items import UpdateItemSettings
from mrk.updates.item import Tell
from mrk.updates.release_info import ReleaseFacts, ReleaseInfo, ReleaseRollback
from mrk.updates.releases import Release
from mrk.updates.statuses import ReleaseStatus
from mrk.updates.update_errors import UpdateFailed, UpdateRefused
from mrk.updates.versions import UNKNOWN
from nurseries.update_manager.configured_item import ConfiguredItem
from nurseries.update_manager.executable_update import ExecutableUpdate
from nurseries.update_manager.github import GitHub, GitHubFailed
from nurseries.update_manager.installed_release import INVALID, NotInstalled, installed
from nurseries.update_manager.release_update import ReleaseUpdate

_PREFIXES = {"web": "Web Client", "zip": "Zip Application", "executable": "Executable"}


class ReleaseItem(ConfiguredItem[ReleaseFacts]):
    """Implements `UpdateItem`."""

    def __init__(
        self,
        settings: UpdateItemSettings,
        github: GitHub,
        how: ReleaseUpdate | ExecutableUpdate,
    ) -> None:
        assert settings.path is not None
        assert settings.repo is not None
        super().__init__(settings, ReleaseFacts(owner=settings.repo[0], repo_name=settings.repo[1]))
        self._path = settings.path
        self._repo = settings.repo
        self._github = github
        self._how = how
        self._before = self.facts

    @property
    def prefix(self) -> str:
        return f"{_PREFIXES[self._settings.type]} {self._settings.name}"

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
            # The same one says that there is none to go back to.
            rollback_version=facts.rollback.version if facts.rollback else facts.version,
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

    # Looking

    async def refresh(self) -> bool:
        """What GitHub refuses is told in `last_error`; what was known of it stays."""
        await self.look()
        try:
            release = await self._newest()
        except GitHubFailed as exc:
            self.facts = msgspec.structs.replace(self.facts, last_error=str(exc))
            return False
        self.facts = msgspec.structs.replace(
            self.facts, remote_version=release.version, last_error=""
        )
        return True

    async def reread(self) -> None:
        await self.look()

    async def look(self) -> ReleaseInfo | None:
        """Read what is there."""
        try:
            found = await trio.to_thread.run_sync(
                installed, self._path, self._settings.type, Path.home(), abandon_on_cancel=True
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
        found = await self.look()
        if found is None:
            raise UpdateRefused(f"Update aborted, {INVALID.lower()}: {self.facts.problem}")
        release = await self._newest()
        if release.version == found.version:
            return False
        before = ReleaseRollback(found.version, f"{found.project_owner}/{found.project_name}")
        await self._install(release, tell)
        self.facts = msgspec.structs.replace(self.facts, rollback=before)
        return True

    async def _newest(self) -> Release:
        facts = self.facts
        release = await self._github.newest_release(
            facts.owner, facts.repo_name, self._settings.channel
        )
        self.facts = msgspec.structs.replace(facts, remote_version=release.version)
        return release

    async def _install(self, release: Release, tell: Tell) -> None:
        asset = release.asset(self.facts.asset_name)
        if asset is None:
            wanted = self.facts.asset_name or "an asset"
            raise UpdateFailed(f"Release {release.version} does not have {wanted}", 400)
        self._before = self.facts
        if isinstance(self._how, ExecutableUpdate) and self.facts.asset_name is None:
            raise UpdateFailed("release_info.json names no asset_name", 400)
        await self._how.install(release, asset, self.name, tell)
        await self.look()

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        raise UpdateRefused(f"{self.name} is not a git repository; there is nothing to recover")

    async def rollback(self, tell: Tell) -> bool:
        wanted = self.facts.rollback
        if wanted is None:
            raise UpdateRefused(f"{self.name} has no version to go back to")
        found = await self.look()
        if found is not None and found.version == wanted.version:
            return False
        owner, _, name = wanted.repo.partition("/")
        release = await self._github.release(owner, name, wanted.version)
        await self._install(release, tell)
        return True

    async def keep(self) -> None:
        if isinstance(self._how, ExecutableUpdate):
            await self._how.keep(self.facts.asset_name or "")
        else:
            await self._how.keep()

    async def revert(self, tell: Tell) -> None:
        if isinstance(self._how, ExecutableUpdate):
            await self._how.take_back(self.facts.asset_name or "")
        else:
            await self._how.take_back()
        self.facts = self._before
        await self.look()

    async def resume(self) -> str | None:
        if not isinstance(self._how, ExecutableUpdate):
            return await self._how.resume()
        found = await self.look()
        name = None if found is None else found.asset_name
        return None if name is None else await self._how.resume(name)
