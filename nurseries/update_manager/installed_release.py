"""Reads what is installed in the folder of a web, zip or executable item.

Plain functions that block for small files; they are called in a thread.
"""

import os
from pathlib import Path

from mrk.updates.release_info import (
    INFO_NAME,
    VERSION_NAME,
    ReleaseInfo,
    from_manifest,
    read_info,
)

_MOST_BYTES = 65536
INVALID = "Failed to validate installation"


class NotInstalled(Exception):
    """The folder holds nothing that could be updated; the text is why."""


def installed(path: Path, kind: str, home: Path) -> ReleaseInfo:
    """What lies in `path`; raises `NotInstalled`."""
    if not path.is_dir():
        raise NotInstalled(f"{path} is not a folder")
    if not os.access(path, os.W_OK | os.X_OK):
        raise NotInstalled(f"{path} cannot be written by this server's user")
    # It is replaced by renaming another one into its place.
    if kind != "executable" and not os.access(path.resolve().parent, os.W_OK | os.X_OK):
        raise NotInstalled(f"{path.resolve().parent} cannot be written by this server's user")
    clone = _clone_around(path.resolve(), home)
    if clone is not None:
        raise NotInstalled(f"{path} lies in the git repository {clone}")
    found = release_in(path, kind)
    if kind == "executable" and not (found.asset_name and (path / found.asset_name).is_file()):
        raise NotInstalled(f"{INFO_NAME} names no asset_name that lies in {path}")
    return found


def _clone_around(path: Path, home: Path) -> Path | None:
    """A clone that holds the folder; that a user keeps his home in one does not count."""
    for folder in (path, *path.parents):
        if folder == home:
            return None
        if (folder / ".git").exists():
            return folder
    return None


def release_in(path: Path, kind: str) -> ReleaseInfo:
    """What a folder says that it holds; raises `NotInstalled`."""
    data = _content(path / INFO_NAME)
    if data is not None:
        found = read_info(data)
        if found is None:
            text = (
                "is not a JSON object with project_name, project_owner and version, one line each"
            )
            raise NotInstalled(f"{path / INFO_NAME} {text}")
        return found
    found = _known_front_end(path) if kind == "web" else None
    if found is None:
        raise NotInstalled(f"{path / INFO_NAME} is missing or cannot be read")
    return found


def _known_front_end(path: Path) -> ReleaseInfo | None:
    version = _content(path / VERSION_NAME)
    for manifest in (path / "manifest.json", *sorted(path.glob("*.webmanifest"))[:5]):
        data = _content(manifest)
        if version is not None and data is not None:
            return from_manifest(version.decode("utf-8", "replace"), data)
    return None


def _content(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    except OSError:
        return None
