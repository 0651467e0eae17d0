"""Runs git in one clone, and asks it what the clone is.

`Git` holds no state beyond its path; errors say whether the repository is damaged.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import trio

from mrk.updates.git_output import is_damage
from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.child import ChildCommand, ChildResult, ChildRunner

# A question; the largest repositories answer within 2 s.
ASK_S = 20.0
# A transfer may last as long as it says something each five minutes.
QUIET_S = 300.0
TRANSFER_S = 3 * 3600.0
ENVIRONMENT: Mapping[str, str] = {
    "LC_ALL": "C",
    # Nobody sits there to type a password: a private URL fails at once.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    # Bytes per second, and seconds below that, after which a transfer is given up.
    "GIT_HTTP_LOW_SPEED_LIMIT": "1000",
    "GIT_HTTP_LOW_SPEED_TIME": "20",
    # Questions write nothing: no index.lock that another git would stumble over.
    "GIT_OPTIONAL_LOCKS": "0",
}
# Whatever git starts ends with it.
_OWNED = ("-c", "gc.autoDetach=false", "-c", "maintenance.autoDetach=false")


class GitFailed(UpdateFailed):
    """git said no; `is_damaged` when the repository is broken."""

    def __init__(self, message: str, *, is_damaged: bool) -> None:
        super().__init__(message)
        self.is_damaged = is_damaged


class Git:
    """git in the work tree `path`."""

    def __init__(self, runner: ChildRunner, path: Path) -> None:
        self.runner = runner
        self.path = path

    async def ask(self, *arguments: str, but: Sequence[int] = ()) -> str:
        """Its output; raises `GitFailed` for other ends than 0 and those of `but` (then: empty)."""
        result = await self._run(arguments, ASK_S, None, None)
        if result.status == 0:
            return result.out.strip("\n")
        if result.status in but and not is_damage(result.err):
            return ""
        raise self._failure(arguments, result)

    async def agrees(self, *arguments: str) -> bool:
        """Whether it ends with 0; raises `GitFailed` for a damaged repository."""
        result = await self._run(arguments, ASK_S, None, None)
        if result.status != 0 and result.status != 1 and is_damage(result.err):
            raise self._failure(arguments, result)
        return result.status == 0

    async def change(self, *arguments: str, tell: Tell | None = None) -> None:
        """Run what writes in the clone or talks to its remote, telling each line."""
        result = await self._run(arguments, TRANSFER_S, QUIET_S, tell)
        if result.status != 0:
            raise self._failure(arguments, result)

    async def _run(
        self, arguments: Sequence[str], deadline_s: float, quiet_s: float | None, tell: Tell | None
    ) -> ChildResult:
        if not await trio.Path(self.path).is_dir():
            raise GitFailed(f"{self.path} does not exist", is_damaged=False)
        command = ChildCommand(
            argv=["git", *_OWNED, *arguments],
            shown=_shown(arguments),
            deadline_s=deadline_s,
            quiet_s=quiet_s,
            cwd=self.path,
            # A clone within another repository is not looked for above its folder.
            environment={**ENVIRONMENT, "GIT_CEILING_DIRECTORIES": str(self.path.parent)},
        )
        return await self.runner.run(command, tell)

    def _failure(self, arguments: Sequence[str], result: ChildResult) -> GitFailed:
        text = f"{_shown(arguments)} failed ({result.status}): {result.said}"
        return GitFailed(text, is_damaged=is_damage(result.err))


def _shown(arguments: Sequence[str]) -> str:
    return f"git {arguments[0]}"
