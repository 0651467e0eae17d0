"""The first installation of a front end: what the update manager keeps up to date from then on.

Runs in the command `mrk frontend install`, not in the daemon. As an update, the folder is made
beside its place and put there in one step.
"""

import contextlib
import hashlib
import os
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from mrk.frontends.static_answer import CONFIG, INDEX
from mrk.updates.item import Tell
from mrk.updates.known_front_ends import KnownFrontEnd
from mrk.updates.release_info import ReleaseInfo
from mrk.updates.update_errors import UpdateFailed
from nurseries.update_manager.compressed import compress_beside
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.folder_switch import FolderSwitch
from nurseries.update_manager.github import GitHub, GitHubFailed
from nurseries.update_manager.installed_release import NotInstalled, release_in
from nurseries.update_manager.unpack import copy_kept, unpack

# What people edit in a front end's folder.
KEPT = (CONFIG,)
_CHUNK_BYTES = 1024 * 1024
Result = TypeVar("Result")


class FrontEndInstall:
    """Into `path`, which need not exist; what is there must be a front end."""

    def __init__(self, path: Path, tell: Tell) -> None:
        self._path = path
        self._tell = tell
        self._switch = FolderSwitch(path, "install")

    async def from_release(
        self, known: KnownFrontEnd, channel: str, github: GitHub, downloader: Downloader
    ) -> ReleaseInfo | None:
        """Fetch and install the newest release; raises `UpdateFailed`."""

        async def fetch(target: Path) -> None:
            try:
                release = await github.newest_release(known.owner, known.repo, channel)
            except GitHubFailed as exc:
                raise UpdateFailed(
                    f"{exc}. Where there is a network, fetch\n  {known.url}\nand then, here: "
                    f"mrk frontend install {known.asset} (it goes to {self._path})"
                ) from exc
            asset = release.asset(known.asset)
            if asset is None:
                raise UpdateFailed(f"Release {release.version} does not have {known.asset}")
            await downloader.fetch(release, asset, target, known.repo, self._tell)

        return await self._install(fetch)

    async def from_archive(self, archive: Path, sha256: str | None) -> ReleaseInfo | None:
        """Install a file, whose hash may be given; raises `UpdateFailed`."""

        async def copy(target: Path) -> None:
            found = await _in_thread(partial(_copy, archive, target))
            self._tell(f"{archive.name}: SHA-256 {found}")
            if sha256 is not None and found != sha256.lower():
                raise UpdateFailed(f"{archive.name} has not the SHA-256 {sha256}: nothing was done")

        return await self._install(copy)

    async def _install(self, fetch: Callable[[Path], Awaitable[None]]) -> ReleaseInfo | None:
        with _alone(self._switch.path):
            return await self._install_alone(fetch)

    async def _install_alone(self, fetch: Callable[[Path], Awaitable[None]]) -> ReleaseInfo | None:
        switch = self._switch
        await _in_thread(self._check_place)
        await _in_thread(switch.begin)
        try:
            await fetch(switch.staging / "archive.zip")
            self._tell("Unpacking...")
            found = await _in_thread(partial(self._make, trio.from_thread.check_cancelled))
            await _in_thread(switch.put)
        finally:
            with trio.move_on_after(10, shield=True):
                await _in_thread(switch.finish)
        return found

    def _check_place(self) -> None:
        if not os.path.lexists(self._path) or (self._path / INDEX).is_file():
            self._path.parent.mkdir(parents=True, exist_ok=True)
            return
        if not self._path.is_dir() or any(self._path.iterdir()):
            raise UpdateFailed(f"{self._path} is there and holds no front end: name another --path")

    def _make(self, check_cancelled: Callable[[], None]) -> ReleaseInfo | None:
        new, archive = self._switch.new, self._switch.staging / "archive.zip"
        unpack(archive, new, check_cancelled)
        archive.unlink()
        new.chmod(0o755)
        if not (new / INDEX).is_file():
            raise UpdateFailed(f"The archive is no front end: it has no {INDEX} at its top")
        if self._path.is_dir():
            copy_kept(self._path, new, KEPT)
        compress_beside(new, KEPT, check_cancelled)
        return installed_info(new)


def installed_version(path: Path) -> str | None:
    """The version of the front end in a folder, empty when it tells none; None: there is none."""
    if not (path / INDEX).is_file():
        return None
    found = installed_info(path)
    return "" if found is None else found.version


def installed_info(path: Path) -> ReleaseInfo | None:
    """What a folder says of itself; None when it says nothing."""
    try:
        return release_in(path, "web")
    except NotInstalled:
        return None


def remove_front_end(path: Path) -> None:
    """Remove the folder of a front end; raises `UpdateFailed`."""
    if path.is_symlink():
        raise UpdateFailed(f"{path} is a link: remove it and what it leads to by hand")
    if installed_version(path) is None:
        raise UpdateFailed(f"There is no front end in {path}")
    if (path / ".git").exists() or path.resolve() in (Path.home(), Path("/")):
        raise UpdateFailed(f"{path} holds more than a front end: remove it by hand")
    try:
        shutil.rmtree(path)
    except OSError as exc:
        raise UpdateFailed(f"{path} cannot be removed: {exc.strerror}") from exc


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One at a time makes the folder: another would remove what it made. Raises `UpdateFailed`.

    A name in the kernel, which goes with the process and leaves no file.
    """
    name = b"\0mrk-install-" + hashlib.sha256(os.fsencode(path)).hexdigest().encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lock:
        try:
            lock.bind(name)
        except OSError as exc:
            raise UpdateFailed(f"{path} is being installed already") from exc
        yield


def _copy(archive: Path, target: Path) -> str:
    digest = hashlib.sha256()
    with archive.open("rb") as source, target.open("xb") as file:
        while data := source.read(_CHUNK_BYTES):
            digest.update(data)
            file.write(data)
    return digest.hexdigest()


async def _in_thread(function: Callable[[], Result]) -> Result:
    """Raises `UpdateFailed` for what the system refuses."""
    try:
        return await trio.to_thread.run_sync(function)
    except OSError as exc:
        # What is written to has no name where the disk is full.
        named = f"{exc.filename}: " if exc.filename is not None else ""
        raise UpdateFailed(f"{named}{exc.strerror}") from exc
