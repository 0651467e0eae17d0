"""What a backup of an installation holds, what it is called, and what an archive may contain.

Pure. An archive comes from a person's disk, or from somebody else's: no name of it leaves the
folder it is unpacked into, and its size is bounded before a byte is written.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import PurePosixPath

import msgspec

from mrk.database.namespaces import SECRET
from mrk.errors import MrkError

MANIFEST = "manifest.json"
FORM = 1
MOST_MEMBERS = 10_000
MOST_BYTES = 1024 * 1024 * 1024
FILE_BYTES = 8 * 1024 * 1024  # of one file of the configuration folder; larger ones are left out
# Beside the folders `config` and `certs`.
SINGLE_FILES = (".moonraker.uuid", "moonraker.asvc", "moonraker.secrets")
DATABASE = "database/mrk.db"
# Left out of a backup without secrets, with the database's tables of the same purpose.
SECRET_FILES = ("moonraker.secrets", "certs/")
SECRET_NAMESPACES = tuple(SECRET)
SECRET_TABLES = ("users", "api_keys", "named_keys", "signing_keys", "failed_logins")
_AUTOMATIC = re.compile(r"mrk-daily-\d{8}-\d{6}\.tar\.gz")
# As for the database's daily copies: past this, the clock was ahead.
_AHEAD = timedelta(days=2)
_NAME = re.compile(r"mrk-(?:daily-|before-restore-)?\d{8}-\d{6}\.tar\.gz")
# Folders in which a backup and a restore are made, and the archive before it is whole.
BACKUP_WORK, RESTORE_WORK = ".mrk-backup-", ".mrk-restore-"
_WORK = re.compile(
    rf"{re.escape(BACKUP_WORK)}.+|{re.escape(RESTORE_WORK)}.+|\.{_NAME.pattern}\.part"
)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The first member: SHA-256 of every other one by its name."""

    form: int
    version: str
    created_on: float
    with_secrets: bool
    files: dict[str, str]
    links: dict[str, str] = {}


def archive_name(stamp: str, kind: str = "") -> str:
    """`stamp` is YYYYmmdd-HHMMSS; `kind` is `daily` or `before-restore`."""
    return f"mrk-{kind}-{stamp}.tar.gz" if kind else f"mrk-{stamp}.tar.gz"


def is_archive(name: str) -> bool:
    """Whether a file has the name of a backup."""
    return _NAME.fullmatch(name) is not None


def is_work(name: str) -> bool:
    """Whether a file or folder is there only while a backup or a restore is made."""
    return _WORK.fullmatch(name) is not None


def superfluous(names: Iterable[str], keep: int, made: str) -> list[str]:
    """The daily ones beyond the newest `keep`; others are the user's.

    `made` is the last one, whatever names say. Those of days to come are of a clock that was ahead,
    and count as the oldest: they would stay the newest for years.
    """
    day = date.fromisoformat(made.removeprefix("mrk-daily-")[:8])
    last = f"mrk-daily-{day + _AHEAD:%Y%m%d}-235959.tar.gz"
    others = sorted(
        (name for name in names if _AUTOMATIC.fullmatch(name) and name != made),
        key=lambda name: (name <= last, name),
    )
    return others[: max(0, len(others) - keep + 1)]


def is_due(names: Iterable[str], today: str) -> bool:
    """Whether there is no daily one of `today` (YYYYmmdd) yet."""
    return not any(name.startswith(f"mrk-daily-{today}-") for name in names)


def check_members(members: Sequence[tuple[str, int, bool]]) -> None:
    """Names, sizes and whether each is a plain file; raises `MrkError`."""
    if len(members) > MOST_MEMBERS:
        raise MrkError(f"the archive has {len(members)} members; at most {MOST_MEMBERS} are read")
    size = sum(bytes_ for _name, bytes_, _is_file in members)
    if size > MOST_BYTES:
        raise MrkError(f"the archive unpacks to {size} bytes; at most {MOST_BYTES} are read")
    for name, _bytes, is_file in members:
        if not is_file or not is_inside(name):
            raise MrkError(f"the archive has a member {name!r:.80} that no backup of mrk has")


def links_of(manifest: Manifest) -> Mapping[str, str]:
    """The links of the configuration folder, which is all that backups have.

    Raises `MrkError` for one that stands in for a folder or a file of the archive: what is below it
    would be made wherever it leads to.
    """
    found = {
        name: to
        for name, to in manifest.links.items()
        if is_inside(name) and name.startswith("config/")
    }
    names = {*manifest.files, *found}
    for name in names:
        for parent in PurePosixPath(name).parents:
            if str(parent) in found or (name in found and str(parent) in manifest.files):
                raise MrkError(f"the archive has {name!r:.80} below {str(parent)!r:.80}, no folder")
    for name in found.keys() & manifest.files.keys():
        raise MrkError(f"the archive has {name!r:.80} twice, as a file and as a link")
    return found


def is_inside(name: str) -> bool:
    """Whether a member's name is one of those that backups have."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name or "\0" in name:
        return False
    return name in (MANIFEST, DATABASE, *SINGLE_FILES) or (
        len(path.parts) > 1 and path.parts[0] in ("config", "certs")
    )
