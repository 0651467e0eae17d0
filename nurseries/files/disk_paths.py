"""From a safe path to the place on disk: the half of path safety that needs the disk.

Folders on the way may be links (people link a USB stick into a root; only they can make links,
no request does), but where they lead must not be reserved. Called in threads, by whoever is about
to read or change the place, under the lock that guards changes.
"""

import os
from pathlib import Path

import msgspec

from mrk.errors import ClientError
from mrk.files.paths import RootPath, check_new, missing, new_name
from mrk.files.records import Stat
from mrk.files.reserved import ReservedPaths
from mrk.files.roots import Root, Roots
from nurseries.files.disk import stat_of


class DiskPath(msgspec.Struct, frozen=True):
    """A path, where it is, and what is there.

    `disk` names it without links in the folders above it; `real` follows a link at the place
    itself too. `stat` is None where nothing is, or nothing that clients could see.
    """

    root: Root
    path: RootPath
    disk: Path
    real: Path
    stat: Stat | None

    @property
    def is_folder(self) -> bool:
        """Whether it is there and is a folder, or a link to one."""
        return self.stat is not None and self.stat.is_folder


def find(roots: Roots, path: RootPath, *, write: bool) -> DiskPath:
    """Where a path is. Raises 403 when it lies in a reserved place, or leads into one."""
    root = roots.get(path.root)
    if path.parts:
        folder = os.path.realpath(root.disk_path(path.parts[:-1]))
        disk = f"{folder.rstrip('/')}/{path.name}"
        real = os.path.realpath(disk)
    else:
        disk = real = os.path.realpath(root.real)
    _check(roots.reserved, root, path, disk, write=write)
    if real != disk:
        # A link itself may be renamed or removed; that changes nothing where it leads.
        _check(roots.reserved, root, path, real, write=False)
    return DiskPath(root, path, Path(disk), Path(real), _stat(disk, roots.reserved))


def find_existing(
    roots: Roots, path: RootPath, *, write: bool, kind: str = "File or directory"
) -> DiskPath:
    """The same; raises 400 when nothing is there, no `kind` of thing."""
    place = find(roots, path, write=write)
    if place.stat is None:
        raise missing(kind, path)
    return place


def find_new_path(roots: Roots, path: RootPath) -> RootPath:
    """The path at which something may be made, as `check_new` and `new_name` want it.

    Names that are there already are taken as they are, blanks at their ends included: others
    made them so, and what a client shows as a folder has to be the folder it writes to.
    """
    check_new(path)
    found = RootPath(path.root)
    for name in path.parts:
        exact = found.child(name)
        there = os.path.lexists(roots.get(path.root).disk_path(exact.parts))
        found = exact if there else found.child(new_name(name))
    return found


def _check(reserved: ReservedPaths, root: Root, path: RootPath, real: str, *, write: bool) -> None:
    reserved.check(real, write=write)
    if reserved.is_same_as_closed(_identities(real, root)):
        raise ClientError(f"Access to {path} is not allowed", 403)


def _identities(real: str, root: Root) -> list[tuple[int, int]]:
    """Device and inode of the place and the folders above it, up to the root.

    Another spelling on a file system that ignores case, a bind mount or a hard link is another
    text for the same thing.
    """
    found = []
    while real not in ("/", "", root.real):
        try:
            status = os.stat(real)
            found.append((status.st_dev, status.st_ino))
        except OSError:
            pass  # not made yet
        real = os.path.dirname(real)
    return found


def _stat(disk: str, reserved: ReservedPaths) -> Stat | None:
    try:
        status = os.lstat(disk)
    except OSError:
        return None
    return stat_of(disk, reserved, reserved.permissions(disk), status)


def identities_of(places: list[str]) -> frozenset[tuple[int, int]]:
    """Device and inode of the reserved places that exist."""
    found = set()
    for place in places:
        try:
            status = os.stat(place)
            found.add((status.st_dev, status.st_ino))
        except OSError:
            continue
    return frozenset(found)
