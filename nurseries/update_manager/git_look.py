"""Looks at a clone: what it is, where it stands, and what its remote has that it lacks.

Only reads, apart from the fetch that a caller makes before. What cannot be found out stays `?`.
"""

import contextlib
from pathlib import Path

import msgspec
import trio

from config.settings.update_items import UpdateItemSettings
from mrk.definitions.url_logins import without_login
from mrk.updates.git_facts import GitFacts
from mrk.updates.git_output import (
    LOG_FORMAT,
    MOST_COMMITS,
    WorkTree,
    commits,
    detached_at,
    newest_tag,
    tags_by_commit,
    work_tree,
)
from mrk.updates.versions import UNKNOWN, described
from nurseries.update_manager.git import Git, GitFailed


class GitLook:
    """`before` is what was known: a detached clone follows what it was on."""

    def __init__(self, git: Git, settings: UpdateItemSettings, before: GitFacts) -> None:
        self._git = git
        self._settings = settings
        self._before = before

    async def remotes(self) -> dict[str, str]:
        """Name -> address, as it may be shown."""
        names = (await self._git.ask("remote")).split()
        return {
            name: without_login(await self._git.ask("remote", "get-url", name)) for name in names
        }

    async def here(self) -> GitFacts:
        """What is on the disk; nothing of what the remote has."""
        before = self._before
        is_clone, is_linked = await _is_clone(self._git.path)
        facts = GitFacts(
            repo_detected=is_clone,
            is_linked=is_linked,
            messages=before.messages,
            rollback=before.rollback,
        )
        if not facts.repo_detected:
            return facts
        try:
            return await self._read(facts)
        except GitFailed as exc:
            messages = (*facts.messages, str(exc))[-5:]
            known = msgspec.structs.replace(
                before,
                repo_detected=True,
                is_linked=is_linked,
                corrupt=exc.is_damaged,
                messages=messages,
            )
            return known if exc.is_damaged else msgspec.structs.replace(facts, messages=messages)

    async def _read(self, facts: GitFacts) -> GitFacts:
        tree = work_tree(await self._git.ask("status", "--porcelain", "-b"))
        remotes = await self.remotes()
        branch, remote = await self._tracked(tree, remotes)
        return msgspec.structs.replace(
            facts,
            detached=tree.branch is None,
            modified=tree.modified,
            untracked_sources=tree.untracked_sources,
            branch=branch,
            remote=remote,
            remote_url=remotes.get(remote, UNKNOWN),
            origin_url=remotes.get("origin", UNKNOWN),
            current_hash=await self._git.ask("rev-parse", "HEAD"),
            version=await self.version("HEAD", dirty=tree.modified != ()),
        )

    async def _tracked(self, tree: WorkTree, remotes: dict[str, str]) -> tuple[str, str]:
        """Branch and remote; `?` for what is not known."""
        if tree.branch is None:
            found = detached_at(await self._git.ask("branch"), list(remotes))
            if found is not None:
                return found[1], found[0]
            before = self._before
            if before.remote in remotes:
                return before.branch, before.remote
            return UNKNOWN, UNKNOWN
        configured = await self._git.ask("config", f"branch.{tree.branch}.remote", but=(1,))
        return tree.branch, configured if configured in remotes else UNKNOWN

    async def version(self, commit: str, *, dirty: bool = False) -> str:
        """The full version of a commit."""
        said = await self._git.ask(
            "describe", "--always", "--tags", "--long", "--abbrev=8", commit, but=(128,)
        )
        found = described(said)
        if found is None:
            return UNKNOWN
        if found.inferred:
            found = msgspec.structs.replace(
                found, commits=int(await self._git.ask("rev-list", "--count", commit))
            )
        return msgspec.structs.replace(found, dirty=dirty).full

    # The remote

    async def there(self, facts: GitFacts) -> GitFacts:
        """Add what the remote has, as the last fetch left it."""
        if UNKNOWN in (facts.branch, facts.remote, facts.current_hash) or facts.corrupt:
            return facts
        tip = f"refs/remotes/{facts.remote}/{facts.branch}"
        try:
            return await self._compared(facts, tip)
        except GitFailed as exc:
            messages = (*facts.messages, str(exc))[-5:]
            return msgspec.structs.replace(facts, corrupt=exc.is_damaged, messages=messages)

    async def _compared(self, facts: GitFacts, tip: str) -> GitFacts:
        if not await self._git.agrees("show-ref", "--verify", "--quiet", tip):
            return facts
        target, pinned_missing = await self._target(tip)
        remote_hash = await self._git.ask("rev-parse", f"{target}^{{commit}}")
        behind = f"{facts.current_hash}..{remote_hash}"
        log = ""
        if remote_hash != facts.current_hash:
            log = await self._git.ask(
                "log", "-z", f"--format={LOG_FORMAT}", f"--max-count={MOST_COMMITS}", behind
            )
        return msgspec.structs.replace(
            facts,
            pinned_missing=pinned_missing,
            remote_hash=remote_hash,
            remote_version=await self.version(remote_hash),
            diverged=await self._has_diverged(tip),
            commits_behind=tuple(commits(log, await self._tags() if log else {})),
            commits_behind_count=int(await self._git.ask("rev-list", "--count", behind)),
        )

    async def _has_diverged(self, tip: str) -> bool:
        if await self._git.agrees("merge-base", "--is-ancestor", "HEAD", tip):
            return False
        return not await self._git.agrees("merge-base", "--is-ancestor", tip, "HEAD")

    async def _target(self, tip: str) -> tuple[str, bool]:
        """What to update to: the pinned commit, the channel's newest tag, or the branch's tip."""
        pinned = self._settings.choices.pinned_commit
        if pinned is not None:
            exists = await self._git.agrees(
                "rev-parse", "--verify", "--quiet", f"{pinned}^{{commit}}"
            )
            ahead = exists and await self._git.agrees("merge-base", "--is-ancestor", "HEAD", pinned)
            return (pinned if ahead else "HEAD"), not exists
        if self._settings.channel == "dev":
            return tip, False
        listed = await self._git.ask("tag", "--merged", tip, "--contains", "HEAD", but=(129,))
        tag = newest_tag(listed, self._settings.channel)
        return ("HEAD" if tag is None else f"refs/tags/{tag}"), False

    async def _tags(self) -> dict[str, str]:
        return tags_by_commit(
            await self._git.ask(
                "for-each-ref",
                "refs/tags",
                "--format=%(refname:short) %(*objectname) %(objectname)",
            )
        )


async def _is_clone(path: Path) -> tuple[bool, bool]:
    """Whether it has a `.git`, and whether that is the file of a submodule or another work tree."""
    place = trio.Path(path / ".git")
    with contextlib.suppress(OSError):
        if await place.is_dir():
            return True, False
        async with await place.open("rb") as file:
            is_linked = (await file.read(100)).startswith(b"gitdir:")
            return is_linked, is_linked
    return False, False
