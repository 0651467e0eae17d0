"""The host as an installation changes it: system files and systemd, as root; reads need no rights.

Commands run through `sudo` unless this is root. Each file appears whole: it is written beside its
place and renamed.
"""

import contextlib
import os
import pwd
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from mrk.errors import MrkError

# A service that does not end is killed by systemd after TimeoutStopSec, 90 s by default.
_COMMAND_S = 120.0
_WRITE = 'umask 022; cat > "$1.part" && sync "$1.part" && mv -fT "$1.part" "$1"'
_REMOVE_PART = 'rm -f "$1.part"'


class Unreadable(MrkError):
    """A file, or a folder on the way to it, that this user may not look into."""


class HostUser(msgspec.Struct, frozen=True):
    """Who runs mrk, or owns a data folder."""

    name: str
    uid: int
    gid: int
    home: Path


class TargetSystem:
    """`root` is the folder that stands for `/`; another one than that is never told to systemd."""

    def __init__(self, root: Path = Path("/"), *, is_live: bool | None = None) -> None:
        self.root = root
        self.is_live = root == Path("/") if is_live is None else is_live

    def at(self, path: str | Path) -> Path:
        """Where an absolute path of that system is found from here."""
        return self.root / str(path).lstrip("/")

    def is_same(self, one: Path, other: Path) -> bool:
        """Whether two paths lead to one folder, over links too."""
        return self.at(one).resolve() == self.at(other).resolve()

    def seen(self, path: Path) -> str:
        """How a path from here is named in that system."""
        with contextlib.suppress(ValueError):
            return "/" + str(path.absolute().relative_to(self.root.absolute()))
        return str(path.absolute())

    def text(self, path: str | Path) -> str | None:
        """What a file holds; None when there is none. Raises `MrkError`, or `Unreadable`."""
        try:
            return self.at(path).read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return None
        except PermissionError as exc:
            raise Unreadable(f"{path} cannot be read: {exc.strerror}") from exc
        except OSError as exc:
            raise MrkError(f"{path} cannot be read: {exc.strerror}") from exc

    def write(self, path: str | Path, text: str) -> None:
        """Make a file of root's, readable by all."""
        target = str(self.at(path))
        self.run("mkdir", "-p", str(self.at(path).parent))
        try:
            self.run("sh", "-c", _WRITE, "sh", target, given=text)
        except MrkError:
            with contextlib.suppress(MrkError):
                self.run("sh", "-c", _REMOVE_PART, "sh", target)
            raise

    def link(self, path: str | Path, to: str) -> None:
        """Make a symbolic link, in place of anything that is there."""
        target = str(self.at(path))
        self.run("mkdir", "-p", str(self.at(path).parent))
        self.run("ln", "-sfnT", to, f"{target}.part")
        self.run("mv", "-fT", f"{target}.part", target)

    def keep(self, path: str | Path, kept: str | Path) -> None:
        """Give a file, or a link itself, a second name."""
        self.run("ln", "-fPT", str(self.at(path)), str(self.at(kept)))

    def rename(self, path: str | Path, to: str | Path) -> None:
        """Rename, in place of anything that is there."""
        self.run("mv", "-fT", str(self.at(path)), str(self.at(to)))

    def remove(self, path: str | Path) -> None:
        """Remove a file; one that is not there is no error."""
        self.run("rm", "-f", str(self.at(path)))

    def remove_empty(self, path: str | Path) -> None:
        """Remove a folder if nothing is in it."""
        with contextlib.suppress(MrkError):
            self.run("rmdir", str(self.at(path)))

    def exists(self, path: str | Path) -> bool:
        """Whether there is a file or a link, also a broken one."""
        return os.path.lexists(self.at(path))

    def links_to(self, path: str | Path, target: str) -> bool:
        """Whether there is a link to `target`, also a broken one."""
        try:
            return str(self.at(path).readlink()) == target
        except OSError:
            return False

    def user(self, name: str) -> HostUser:
        """From that system's passwd. Raises `MrkError`."""
        with contextlib.suppress(KeyError):
            if self.root == Path("/"):
                return _host_user(pwd.getpwnam(name))
        return self._listed(lambda user: user.name == name, f"user {name!r}")

    def user_of(self, uid: int) -> HostUser:
        """The user with that number. Raises `MrkError`."""
        with contextlib.suppress(KeyError):
            if self.root == Path("/"):
                return _host_user(pwd.getpwuid(uid))
        return self._listed(lambda user: user.uid == uid, f"user with the number {uid}")

    def _listed(self, fits: Callable[[HostUser], bool], told: str) -> HostUser:
        for line in (self.text("/etc/passwd") or "").splitlines():
            match line.split(":"):
                case [name, _, uid, gid, _, home, _] if uid.isdecimal() and gid.isdecimal():
                    user = HostUser(name, int(uid), int(gid), Path(home))
                    if fits(user):
                        return user
        raise MrkError(f"there is no {told} in {self.at('/etc/passwd')}")

    def systemctl(self, *words: str) -> None:
        """Tell systemd; without effect in a folder that stands for `/`. Raises `MrkError`."""
        if self.is_live:
            self.run("systemctl", *words)

    def is_active(self, unit: str) -> bool:
        """Whether that service runs, or is about to."""
        if not self.is_live:
            return False
        try:
            done = subprocess.run(
                ["systemctl", "is-active", unit],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_COMMAND_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.stdout.strip() in (b"active", b"activating", b"reloading")

    def run(self, *argv: str, given: str = "") -> None:
        """Run a command as root; raises `MrkError` with what it says."""
        words = list(argv) if os.geteuid() == 0 else ["sudo", *argv]
        run_command(words, given)


def _host_user(entry: pwd.struct_passwd) -> HostUser:
    return HostUser(entry.pw_name, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def run_command(argv: Sequence[str], given: str = "") -> str:
    """Run a command and return what it prints; raises `MrkError` with what it says."""
    try:
        done = subprocess.run(
            list(argv),
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            timeout=_COMMAND_S,
            check=False,
        )
    except OSError as exc:
        raise MrkError(f"{argv[0]} cannot be run: {exc.strerror}") from exc
    except subprocess.TimeoutExpired:
        raise MrkError(f"{argv[0]} did not end within {_COMMAND_S:.0f} s") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
        raise MrkError(f"{' '.join(argv[:2])}: {said}")
    return done.stdout.decode("utf-8", "replace")
