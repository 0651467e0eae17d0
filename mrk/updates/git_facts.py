"""What is known of a git clone, and what follows: whether it may be updated, warnings, anomalies.

Pure. The texts are those that front ends know.
"""

import msgspec

from mrk.definitions.url_logins import without_login
from mrk.updates.git_output import CommitInfo, owner_and_name, same_url
from mrk.updates.versions import UNKNOWN


class GitRollback(msgspec.Struct, frozen=True):
    """Where a clone stood before its last update."""

    commit: str
    branch: str
    version: str


class GitFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One look at a clone; also what is stored of it. `?` is unknown, versions are full ones.

    `is_linked`: a submodule or a further work tree. `origin_url` is that of the remote `origin`;
    addresses are without logins.
    """

    repo_detected: bool = False
    is_linked: bool = False
    corrupt: bool = False
    detached: bool = False
    diverged: bool = False
    pinned_missing: bool = False
    branch: str = UNKNOWN
    remote: str = UNKNOWN
    remote_url: str = UNKNOWN
    origin_url: str = UNKNOWN
    current_hash: str = UNKNOWN
    version: str = UNKNOWN
    remote_hash: str = UNKNOWN
    remote_version: str = UNKNOWN
    modified: tuple[str, ...] = ()
    untracked_sources: tuple[str, ...] = ()
    commits_behind: tuple[CommitInfo, ...] = ()
    commits_behind_count: int = 0
    messages: tuple[str, ...] = ()
    rollback: GitRollback | None = None

    @property
    def is_dirty(self) -> bool:
        """Whether files of the repository were changed here."""
        return bool(self.modified)

    @property
    def owner_and_name(self) -> tuple[str, str]:
        """Of the remote."""
        return owner_and_name(self.remote_url) if self.remote_url != UNKNOWN else ("?", "?")

    def recovery_url(self, origin: str) -> str:
        """What a hard recovery clones, as it may be shown; `?` where there can be none.

        `origin` empty: not known.
        """
        if self.is_linked:
            return UNKNOWN
        known = origin if self.origin_url == UNKNOWN else self.origin_url
        return without_login(known) or UNKNOWN

    @property
    def is_behind(self) -> bool:
        """Whether there is something to update to; commits made here do not count."""
        return self.commits_behind_count > 0

    def is_valid(self, *, debug: bool = False) -> bool:
        """Whether it may be updated."""
        known = UNKNOWN not in (self.branch, self.remote, self.current_hash, self.remote_hash)
        spoiled = self.corrupt or self.diverged or self.is_dirty
        return known and not spoiled and (debug or not self.detached)


def git_warnings(facts: GitFacts) -> list[str]:
    """Why it may not be updated."""
    if not facts.repo_detected:
        return ["No git repo detected at configured path"]
    found: list[str] = []
    if facts.corrupt:
        found.append("Repo is corrupt")
    if facts.branch == UNKNOWN:
        found.append("Failed to detect git branch")
    elif facts.remote == UNKNOWN:
        found.append(f"Failed to detect tracking remote for branch {facts.branch}")
    if facts.remote_url == UNKNOWN:
        found.append("Failed to detect repo url")
    if facts.detached:
        found.append("Detached HEAD detected")
    if facts.modified:
        names = ", ".join(f"'{name}'" for name in facts.modified)
        found.append(f"Repo is dirty.  Detected the following modified files: [{names}]")
    return found


def git_anomalies(facts: GitFacts, origin: str, branch: str, pinned: str | None) -> list[str]:
    """What is unusual, and does not keep it from being updated; `origin` empty: not known."""
    found: list[str] = []
    if pinned is not None and facts.pinned_missing:
        found.append(f"Pinned Commit {pinned} does not exist")
    if not facts.repo_detected:
        return found
    here = facts.remote.lower(), facts.branch
    if origin and UNKNOWN not in here and here != ("origin", branch):
        detected = f"{facts.remote}/{facts.branch}"
        found.append(
            f"Repo not on official remote/branch, expected: origin/{branch}, detected: {detected}"
        )
    if (
        origin
        and facts.remote_url != UNKNOWN
        and not same_url(facts.remote_url, without_login(origin))
    ):
        found.append(f"Unofficial remote url: {facts.remote_url}")
    if facts.untracked_sources:
        names = ", ".join(f"'{name}'" for name in facts.untracked_sources)
        found.append(f"Repo has untracked source files: [{names}]")
    if facts.diverged:
        found.append("Repo has diverged from remote")
    return found
