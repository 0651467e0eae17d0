"""`release_info.json` in an item's folder: which project and version lies there.

Pure. Front ends without one are known by their `.version` and their web manifest.
"""

import re
from typing import Any

import msgspec

from mrk import foreign_json
from mrk.foreign_json import NotJson
from mrk.updates.known_front_ends import KNOWN_FRONT_ENDS

INFO_NAME = "release_info.json"
VERSION_NAME = ".version"
_MOST_CHARS = 200
_OWNER = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
_PROJECT = re.compile(r"[A-Za-z0-9._-]+")


class ReleaseInfo(msgspec.Struct, frozen=True):
    """What lies there; `asset_name` is the file of a release to fetch.

    Whoever made the archive wrote it, so it is shown, and written elsewhere, only as one line.
    """

    project_name: str
    project_owner: str
    version: str
    asset_name: str | None = None

    @property
    def repo(self) -> str | None:
        """`owner/name` at GitHub; None when these are names that no repository has there."""
        if _OWNER.fullmatch(self.project_owner) and _PROJECT.fullmatch(self.project_name):
            return f"{self.project_owner}/{self.project_name}"
        return None


def read_info(data: bytes) -> ReleaseInfo | None:
    """Decode the file; None when it is not one, or has names that are none."""
    try:
        found = foreign_json.decode(data, ReleaseInfo)
    except NotJson:
        return None
    names = found.project_name, found.project_owner, found.version
    asset = found.asset_name
    if not all(map(_is_name, names)) or not (asset is None or _is_file_name(asset)):
        return None
    return found


def _is_name(text: str) -> bool:
    return 0 < len(text) <= _MOST_CHARS and text.isprintable()


def _is_file_name(text: str) -> bool:
    """It is looked for in the item's folder; an empty one says that there is none."""
    return not text or (_is_name(text) and "/" not in text and text not in (".", ".."))


def rewritten(data: bytes, version: str) -> bytes:
    """The file with another version, everything else as it was; raises `NotJson`."""
    found = foreign_json.decode(data, dict[str, Any])
    found["version"] = version
    return msgspec.json.format(msgspec.json.encode(found), indent=2)


def from_manifest(version: str, manifest: bytes) -> ReleaseInfo | None:
    """From the text of `.version` and a web manifest; None for front ends that are not known."""
    try:
        found = foreign_json.decode(manifest, dict[str, Any])
    except NotJson:
        return None
    known = KNOWN_FRONT_ENDS.get(str(found.get("name", "")).lower())
    version = version.strip()
    if known is None or not _is_name(version):
        return None
    return ReleaseInfo(known.repo, known.owner, version)


class ReleaseRollback(msgspec.Struct, frozen=True):
    """The version before the last update, and the repository that it came from."""

    version: str
    repo: str


class ReleaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an installed release; also what is stored of it.

    `problem` is why it cannot be updated.
    """

    problem: str | None = None
    owner: str = "?"
    repo_name: str = "?"
    version: str = "?"
    remote_version: str = "?"
    last_error: str = ""
    asset_name: str | None = None
    rollback: ReleaseRollback | None = None

    @property
    def is_behind(self) -> bool:
        """Whether the newest release is another one; which is newer is not compared."""
        return "?" not in (self.version, self.remote_version) and (
            self.version != self.remote_version
        )
