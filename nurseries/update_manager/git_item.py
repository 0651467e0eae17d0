"""An item of type git_repo: a clone that follows a branch, its tags, or one commit.

`GitItem` is driven by the update manager, one call at a time, and runs no task.
"""

from typing import Any

import msgspec

from config.settings.update_items import UpdateItemSettings
from mrk.updates.git_facts import GitFacts, git_anomalies, git_warnings
from mrk.updates.item import Tell
from mrk.updates.statuses import GitStatus
from mrk.updates.update_errors import UpdateFailed, UpdateRefused
from mrk.updates.versions import UNKNOWN, described
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.git import Git, GitFailed
from nurseries.update_manager.git_look import GitLook


class GitItem:
    """Implements `UpdateItem`. `debug` lets a detached clone pass."""

    def __init__(
        self, settings: UpdateItemSettings, runner: ChildRunner, *, debug: bool = False
    ) -> None:
        assert settings.path is not None
        self._settings = settings
        self._debug = debug
        self._git = Git(runner, settings.path)
        self.facts = GitFacts()

    @property
    def name(self) -> str:
        return self._settings.name

    @property
    def is_behind(self) -> bool:
        return self.facts.is_behind

    @property
    def prefix(self) -> str:
        return f"Git Repo {self._settings.name}"

    @property
    def services(self) -> tuple[str, ...]:
        return self._settings.services

    # What is known

    def status(self) -> GitStatus:
        settings, facts = self._settings, self.facts
        owner, repo_name = facts.owner_and_name
        pinned = settings.choices.pinned_commit
        anomalies = git_anomalies(facts, settings.origin, settings.primary_branch, pinned)
        return GitStatus(
            channel=settings.channel,
            debug_enabled=self._debug,
            channel_invalid=settings.choices.channel_invalid,
            is_valid=facts.is_valid(debug=self._debug),
            info_tags=settings.info_tags,
            repo_detected=facts.repo_detected,
            remote_alias=facts.remote,
            branch=facts.branch,
            owner=owner,
            repo_name=repo_name,
            remote_url=facts.remote_url,
            recovery_url=facts.recovery_url,
            version=short(facts.version),
            remote_version=short(facts.remote_version),
            rollback_version=short(facts.rollback.version) if facts.rollback else UNKNOWN,
            current_hash=facts.current_hash,
            remote_hash=facts.remote_hash,
            is_dirty=facts.is_dirty,
            detached=facts.detached,
            commits_behind=facts.commits_behind,
            commits_behind_count=facts.commits_behind_count,
            git_messages=facts.messages,
            full_version_string=facts.version,
            pristine=not facts.is_dirty and not facts.untracked_sources,
            corrupt=facts.corrupt,
            warnings=tuple(git_warnings(facts)),
            anomalies=tuple(anomalies) if settings.choices.report_anomalies else (),
            name=settings.name,
        )

    def stored(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.to_builtins(self.facts)
        return found | {"is_valid": self.facts.is_valid(debug=self._debug)}

    def restore(self, stored: dict[str, Any]) -> None:
        try:
            self.facts = msgspec.convert(stored, GitFacts)
        except msgspec.ValidationError:
            self.facts = GitFacts()

    # Looking

    async def refresh(self) -> None:
        """A fetch that fails is told in `git_messages`; what was known of the remote stays."""
        self.facts = msgspec.structs.replace(self.facts, messages=())
        await self.look()
        if UNKNOWN in (self.facts.remote, self.facts.branch) or self.facts.corrupt:
            return
        try:
            await self._fetch(None)
        except UpdateFailed as exc:
            corrupt = isinstance(exc, GitFailed) and exc.is_damaged
            self.facts = msgspec.structs.replace(self.facts, messages=(str(exc),), corrupt=corrupt)
            if corrupt:
                return
        await self.look()

    async def look(self) -> None:
        """Read what is there, without asking the remote."""
        look = GitLook(self._git, self._settings, self.facts)
        self.facts = await look.there(await look.here())

    async def _fetch(self, tell: Tell | None) -> None:
        await self._git.change(
            "fetch", "--prune", "--tags", "--force", self.facts.remote, tell=tell
        )

    # Changing

    async def update(self, tell: Tell) -> bool:
        raise UpdateRefused("not yet")

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        raise UpdateRefused("not yet")

    async def rollback(self, tell: Tell) -> bool:
        raise UpdateRefused("not yet")

    async def keep(self) -> None: ...

    async def revert(self, tell: Tell) -> None: ...

    async def resume(self) -> str | None:
        return None


def short(version: str) -> str:
    """`v0.12.0-300-gabc` as `v0.12.0-300`."""
    found = described(version)
    return version if found is None else found.short
