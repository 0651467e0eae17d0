"""Real git repositories in a folder: a bare one, who commits to it, and clones of it."""

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "A. Developer",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A. Developer",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_AUTHOR_DATE": "1719000000 +0000",
    "GIT_COMMITTER_DATE": "1719000000 +0000",
    "LC_ALL": "C",
}


def git(path: Path, *arguments: str) -> str:
    """Its output; raises when it fails."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=path,
        env={**os.environ, **ENVIRONMENT},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


class GitServer:
    """`bare` is what is cloned; `commit` puts a commit on its master, `tag` a tag on it."""

    def __init__(self, folder: Path) -> None:
        self.bare = folder / "owner" / "thing.git"
        self.bare.mkdir(parents=True)
        git(self.bare, "init", "-q", "--bare", "-b", "master")
        self._work = folder / "developer"
        git(folder, "clone", "-q", str(self.bare), str(self._work))
        self.first = self.commit("first", {"a.py": "one\n"})

    @property
    def url(self) -> str:
        return self.bare.as_uri()

    def commit(self, subject: str, files: dict[str, str], *, branch: str = "master") -> str:
        """Push a commit; its hash."""
        git(self._work, "checkout", "-q", "-B", branch)
        for name, text in files.items():
            (self._work / name).parent.mkdir(parents=True, exist_ok=True)
            (self._work / name).write_text(text)
        git(self._work, "add", "-A")
        git(self._work, "commit", "-q", "--allow-empty", "-m", subject)
        git(self._work, "push", "-q", "-f", "origin", branch)
        return git(self._work, "rev-parse", "HEAD")

    def rewrite(self, subject: str, files: dict[str, str]) -> str:
        """Another commit in place of the newest one."""
        git(self._work, "reset", "-q", "--hard", "HEAD~1")
        return self.commit(subject, files)

    def tag(self, name: str, *, annotated: bool = True) -> None:
        """Put a tag on the newest commit."""
        git(self._work, "tag", *(["-a", "-m", name] if annotated else []), name)
        git(self._work, "push", "-q", "origin", name)

    def clone(self, path: Path, *arguments: str) -> Path:
        """A clone as an installer makes it."""
        git(path.parent, "clone", "-q", *arguments, self.url, str(path))
        return path
