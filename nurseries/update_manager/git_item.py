"""An item of type git_repo: a clone that follows a branch, its tags, or one commit.

`GitItem` is driven by the update manager, one call at a time, and runs no task.
"""

import msgspec
import trio

from config.settings.update_items import UpdateItemSettings
from mrk.http.client import HttpRequests
from mrk.updates.git_facts import GitFacts, GitRollback, git_anomalies, git_warnings
from mrk.updates.git_output import same_url
from mrk.updates.item import Tell
from mrk.updates.statuses import GitStatus
from mrk.updates.update_errors import UpdateFailed, UpdateRefused
from mrk.updates.versions import UNKNOWN, described
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.configured_item import ConfiguredItem
from nurseries.update_manager.git import Git, GitFailed
from nurseries.update_manager.git_change import LOCK_S, GitChange, Phase
from nurseries.update_manager.git_look import GitLook
from nurseries.update_manager.git_needs import GitNeeds
from nurseries.update_manager.git_origin import leads_to
from nurseries.update_manager.git_recovery import GitRecovery
from nurseries.update_manager.release_update import CheckPrint
from nurseries.update_manager.requirements import Dependencies


class GitItem(ConfiguredItem[GitFacts]):
    """Implements `UpdateItem`. `debug` lets a detached clone pass."""

    def __init__(
        self,
        settings: UpdateItemSettings,
        runner: ChildRunner,
        dependencies: Dependencies,
        http: HttpRequests,
        check_print: CheckPrint,
        *,
        debug: bool = False,
        lock_s: float = LOCK_S,
    ) -> None:
        assert settings.path is not None
        super().__init__(settings, GitFacts())
        self._debug = debug
        self._git = Git(runner, settings.path)
        self._change = GitChange(self._git, lock_s=lock_s)
        self._needs = GitNeeds(self._git, self._change, settings, dependencies)
        self._http = http
        self._check_print = check_print

    @property
    def prefix(self) -> str:
        return f"Git Repo {self._settings.name}"

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
            recovery_url=facts.recovery_url(settings.origin),
            version=short(facts.version),
            remote_version=short(facts.remote_version),
            # The same one says that there is none to go back to.
            rollback_version=short(facts.rollback.version if facts.rollback else facts.version),
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

    # Looking

    async def refresh(self) -> bool:
        """A fetch that fails is told in `git_messages`; what was known of the remote stays."""
        self.facts = msgspec.structs.replace(self.facts, messages=())
        await self.look()
        if UNKNOWN in (self.facts.remote, self.facts.branch) or self.facts.corrupt:
            return True
        try:
            await self._follow_moved_origin()
            await self._change.fetch(self.facts.remote, None)
        except UpdateFailed as exc:
            corrupt = isinstance(exc, GitFailed) and exc.is_damaged and await self._is_damaged()
            self.facts = msgspec.structs.replace(self.facts, messages=(str(exc),), corrupt=corrupt)
            if not corrupt:
                await self.look()
            return corrupt
        await self.look()
        return True

    async def _is_damaged(self) -> bool:
        """What git says of a transfer that was cut off reads as if the clone were damaged."""
        try:
            await self._change.check_objects()
        except UpdateFailed as exc:
            return isinstance(exc, GitFailed) and exc.is_damaged
        return False

    async def reread(self) -> None:
        await self.look()

    async def look(self) -> None:
        """Read what is there, without asking the remote."""
        look = GitLook(self._git, self._settings, self.facts)
        self.facts = await look.there(await look.here())

    async def _follow_moved_origin(self) -> None:
        """Where the remote's old address leads to the official one now, that one is used."""
        facts, settings = self.facts, self._settings
        moved = settings.moved_origin
        if moved is None or not same_url(facts.remote_url, moved):
            return
        if await leads_to(self._http, facts.remote_url, settings.origin):
            await self._git.change("remote", "set-url", facts.remote, settings.origin)
            await self.look()

    # Changing

    async def update(self, tell: Tell) -> bool:
        await self._change.wait_for_locks(tell)
        await self.look()
        self._check_valid()
        tell("Fetching what is new...")
        await self._change.fetch(self.facts.remote, tell)
        await self.look()
        self._check_valid()
        if not self.facts.is_behind:
            return False
        before = self.facts
        await self._go_to(before.remote_hash, tell)
        place = GitRollback(before.current_hash, before.branch, before.version)
        self.facts = msgspec.structs.replace(self.facts, rollback=place)
        return True

    def _check_valid(self) -> None:
        if self.facts.is_dirty:
            raise UpdateRefused("Update aborted, repo has been modified")
        if not self.facts.is_valid(debug=self._debug):
            raise UpdateRefused("Update aborted, repo not valid")

    async def _go_to(self, target: str, tell: Tell, *, back: bool = False) -> None:
        """With all that the commit needs; raises `UpdateFailed`, with nothing changed."""
        done = False
        try:
            lock_changed = await self._needs.prepare(target, tell)
            self._check_print()
            tell(f"Changing to {target[:8]}...")
            facts = self.facts
            await self._change.move(facts.current_hash, target, facts.branch, tell, back=back)
            await self._needs.put(tell, npm=lock_changed)
            await self._change.done()
            done = True
        finally:
            if not done:
                with trio.move_on_after(60, shield=True):
                    await self._take_back()
        await self.look()

    async def _take_back(self) -> None:
        await self._change.undo()
        await self._needs.take_back()

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        recovery = GitRecovery(self._git, self._change, self._settings, self.facts)
        if hard:
            await recovery.hard(tell)
        else:
            await recovery.soft(tell)
        self.facts = msgspec.structs.replace(self.facts, rollback=None, corrupt=False)
        if update_dependencies:
            npm = await self._needs.prepare("HEAD", tell, force=True)
            await self._needs.put(tell, npm=npm)
        await self.look()
        if not self.facts.is_valid(debug=self._debug):
            why = "; ".join(git_warnings(self.facts)) or "it has diverged from its remote"
            raise UpdateFailed(f"{self.name} is still not usable: {why}")

    async def rollback(self, tell: Tell) -> bool:
        wanted = self.facts.rollback
        if wanted is None:
            raise UpdateRefused(f"{self.name} has no version to go back to")
        await self._change.wait_for_locks(tell)
        await self.look()
        if self.facts.is_dirty:
            raise UpdateRefused("Rollback aborted, repo has been modified")
        if self.facts.current_hash == wanted.commit:
            return False
        if wanted.branch != self.facts.branch:
            self.facts = msgspec.structs.replace(self.facts, branch=wanted.branch)
        await self._go_to(wanted.commit, tell, back=True)
        return True

    async def keep(self) -> None:
        # Without the note the rest would be taken for that of an unfinished change.
        await self._needs.finish()
        await self._change.forget()

    async def revert(self, tell: Tell) -> None:
        await self._take_back()
        await self.look()

    async def resume(self) -> str | None:
        recovered = await GitRecovery(self._git, self._change, self._settings, self.facts).resume()
        note = await self._change.note()
        if note is None:
            await self._needs.take_back()
            return recovered
        if note.phase is Phase.DONE:
            await self.keep()
            return "the new version is in place"
        await self._take_back()
        return "the version before stays in place"


def short(version: str) -> str:
    """`v0.12.0-300-gabc` as `v0.12.0-300`."""
    found = described(version)
    return version if found is None else found.short
