"""`release_info.json` in an item's folder: which project and version lies there.

Pure. Front ends without one are known by their `.version` and their web manifest.
"""

from typing import Any

import msgspec

from mrk import foreign_json
from mrk.foreign_json import NotJson

INFO_NAME = "release_info.json"
VERSION_NAME = ".version"
# Repositories of the front ends that did not always bring the file along.
KNOWN = {"mainsail": ("mainsail-crew", "mainsail"), "fluidd": ("fluidd-core", "fluidd")}
_MOST_CHARS = 200


class ReleaseInfo(msgspec.Struct, frozen=True):
    """What lies there; `asset_name` is the file of a release to fetch."""

    project_name: str
    project_owner: str
    version: str
    asset_name: str | None = None


def read_info(data: bytes) -> ReleaseInfo | None:
    """Decode the file; None when it is not one."""
    try:
        found = foreign_json.decode(data, ReleaseInfo)
    except NotJson:
        return None
    names = found.project_name, found.project_owner, found.version
    if not all(name and len(name) <= _MOST_CHARS for name in names):
        return None
    return found


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
    known = KNOWN.get(str(found.get("name", "")).lower())
    version = version.strip()
    if known is None or not version or len(version) > _MOST_CHARS:
        return None
    return ReleaseInfo(known[1], known[0], version)


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
