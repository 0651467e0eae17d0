"""What a release says about itself, which archive fits this machine, and what one may contain.

Pure. `release.json` is believed only behind a good signature; the archive only by its hash.
"""

import re
from collections.abc import Iterable

import msgspec

from mrk import foreign_json
from mrk.errors import MrkError
from mrk.foreign_json import NotJson

FORM = 1
MOST_BYTES = 300 * 1024 * 1024  # of an archive
DOCUMENT_BYTES = 64 * 1024
# Room for archive, wheels and environment.
SPACE_FACTOR = 5
_VERSION = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,3}(?:(?:a|b|rc)\d{1,4})?")
_MEMBER = re.compile(r"(?:wheels/[A-Za-z0-9_.+-]{1,200}\.whl|requirements\.txt|install)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One machine's archive; `url` may be relative to that of `release.json`."""

    url: str
    sha256: str
    size_bytes: int


class OwnRelease(msgspec.Struct, frozen=True, kw_only=True):
    """`archives` by machine and Python, such as `aarch64-cp311`."""

    form: int
    version: str
    channel: str
    archives: dict[str, Archive]
    notes: str = ""


def parse_release(data: bytes) -> OwnRelease:
    """A signed `release.json`; raises `MrkError`."""
    try:
        release = foreign_json.decode(data, OwnRelease)
    except NotJson as exc:
        raise MrkError(f"release.json cannot be read: {exc}") from exc
    if release.form != FORM:
        raise MrkError(f"release.json has form {release.form}; this mrk reads form {FORM}")
    check_version(release.version)
    return release


def check_version(version: str) -> None:
    """Raises `MrkError` for what is no version, since it becomes the name of a folder."""
    if not _VERSION.fullmatch(version):
        raise MrkError(f"{version!r:.40} is no version; expected one like 1.2.0 or 1.2.0b1")


def archive_for(release: OwnRelease, machine: str) -> Archive:
    """The archive of this machine; raises `MrkError`."""
    found = release.archives.get(machine)
    if found is None:
        there = ", ".join(sorted(release.archives)) or "none"
        raise MrkError(f"{release.version} has no archive for {machine}; there are: {there}")
    if not _SHA256.fullmatch(found.sha256) or not 0 < found.size_bytes <= MOST_BYTES:
        raise MrkError(f"the archive of {release.version} has no good hash, or no good size")
    return found


def check_members(members: Iterable[tuple[str, bool]]) -> None:
    """Names, and whether each is a plain file; raises `MrkError` for what does not belong."""
    for name, is_file in members:
        if not is_file or not _MEMBER.fullmatch(name):
            raise MrkError(f"the archive has a member {name!r:.80} that no release has")
