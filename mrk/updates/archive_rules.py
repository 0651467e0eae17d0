"""Which archives are unpacked: bounds, and names that would lead out of the folder are refused.

Pure. What a member says of its size is checked again while it is unpacked.
"""

import stat
from collections.abc import Iterable
from zipfile import ZipInfo

from mrk.definitions.limits import MIB
from mrk.updates.update_errors import UpdateFailed

# A front end has some 10 MB; the largest things that printers run, some 200.
MOST_DOWNLOAD_BYTES = 512 * MIB
MOST_MEMBERS = 50_000
MOST_UNPACKED_BYTES = 2048 * MIB
MOST_RATIO = 200
# Small archives of text may well shrink more.
RATIO_FROM_BYTES = 10 * MIB
_MOST_NAME_BYTES = 1000
_ENCRYPTED = 1


class ArchiveRefused(UpdateFailed):
    """The archive is not unpacked; the text says why."""


def check_members(members: Iterable[ZipInfo], archive_bytes: int) -> int:
    """The size of everything unpacked; raises `ArchiveRefused`."""
    total = 0
    seen: dict[str, bool] = {}
    for count, member in enumerate(members, 1):
        total += member.file_size
        if count > MOST_MEMBERS:
            raise ArchiveRefused(f"The archive has more than {MOST_MEMBERS} files")
        _check_name(member.filename)
        _check_kind(member)
        name = member.filename.rstrip("/")
        if name in seen and not (seen[name] and member.is_dir()):
            raise ArchiveRefused(f"The archive has {name[:100]!r} twice")
        seen[name] = member.is_dir()
    check_size(total, archive_bytes)
    return total


def check_size(total: int, archive_bytes: int) -> None:
    """Raises `ArchiveRefused` for a bomb."""
    if total > MOST_UNPACKED_BYTES:
        raise ArchiveRefused(f"The archive unpacks to more than {MOST_UNPACKED_BYTES // MIB} MiB")
    if total > RATIO_FROM_BYTES and total > MOST_RATIO * archive_bytes:
        raise ArchiveRefused(f"The archive unpacks to more than {MOST_RATIO} times its size")


def _check_name(name: str) -> None:
    parts = name.rstrip("/").split("/")
    bad = (
        not name
        or name.startswith("/")
        or "\\" in name
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(char) < 32 for char in name)
        or ":" in parts[0]
        or len(name.encode()) > _MOST_NAME_BYTES
    )
    if bad:
        raise ArchiveRefused(f"The archive has a file of the name {name[:100]!r}")


def _check_kind(member: ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveRefused(f"{member.filename!r} in the archive is a link or a special file")
    if member.flag_bits & _ENCRYPTED:
        raise ArchiveRefused(f"{member.filename!r} in the archive is encrypted")


def mode_of(member: ZipInfo) -> int:
    """Permissions of an unpacked file: its own without special bits; ours if it has none."""
    mode = (member.external_attr >> 16) & 0o777
    return (mode | 0o600) if mode else 0o644
