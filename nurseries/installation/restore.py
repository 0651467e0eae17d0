"""Restores of an installation's backup.

Everything is unpacked and checked beside before anything is touched; then whole folders change
places, and what was there is kept.
"""

import contextlib
import errno
import hashlib
import os
import shutil
import tarfile
import tempfile
from pathlib import Path

from config.change_places import change_places
from config.paths import Paths
from config.whole_file import sync_file_system
from mrk.errors import MrkError
from mrk.installation import backup_rules as rules
from mrk.installation.backup_rules import Manifest
from nurseries.installation.backup import (
    create_backup,
    files_below,
    manifest_of,
    opened_archive,
    read_manifest,
    remove_unfinished,
)
from nurseries.installation.daemon_probe import ask, refuse_while_printing

_PIECE_BYTES = 256 * 1024


def restore_backup(paths: Paths, archive: Path) -> Path:
    """Take an archive's state; returns the backup of what was there. Raises `MrkError`.

    Refused while the printer prints. A daemon that runs takes the database at its restart.
    """
    refuse_while_printing(paths.unix_socket, "restore")
    paths.data.mkdir(parents=True, exist_ok=True)
    remove_unfinished(paths.data)
    with tempfile.TemporaryDirectory(dir=paths.data, prefix=rules.RESTORE_WORK) as work:
        staged = Path(work)
        manifest = _unpack(archive, staged)
        kept = create_backup(paths, paths.backups, with_secrets=True, kind="before-restore")
        try:
            if (staged / "config").is_dir():
                _take_along(paths.config, staged / "config", read_manifest(kept))
            # Else a power cut would leave files without content in place.
            sync_file_system(staged)
            _put_in_place(paths, staged, manifest)
        except OSError as exc:
            raise MrkError(f"{exc.filename}: {exc.strerror}; what was there: {kept}") from exc
    with contextlib.suppress(MrkError):
        ask(paths.unix_socket, "server.restart")
    return kept


def _unpack(archive: Path, staged: Path) -> Manifest:
    """Everything of it, checked; nothing of the installation is touched."""
    with opened_archive(archive) as opened:
        manifest = manifest_of(opened)
        members = opened.getmembers()
        rules.check_members([(m.name, m.size, m.isreg()) for m in members])
        links = rules.links_of(manifest)
        free = shutil.disk_usage(staged).free
        if sum(member.size for member in members) * 2 > free:
            raise MrkError(f"no room for the restored files: {free} bytes are free")
        for member in members[1:]:
            target = staged / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if _take_out(opened, member, target) != manifest.files.get(member.name):
                raise MrkError(f"{member.name} of the archive is damaged")
            runs = 0o111 if member.mode & 0o100 else 0
            target.chmod(0o644 | runs if member.name.startswith("config/") else 0o600)
    missing = set(manifest.files) - {member.name for member in members}
    if missing:
        raise MrkError(f"the archive lacks {sorted(missing)[0]}")
    for name, to in links.items():
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        (staged / name).symlink_to(to)
    return manifest


def _take_out(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> str:
    """Write a member's content in pieces; its SHA-256."""
    file = archive.extractfile(member)
    assert file is not None  # a plain file, as was checked
    sha256 = hashlib.sha256()
    with target.open("wb") as written:
        while data := file.read(_PIECE_BYTES):
            sha256.update(data)
            written.write(data)
    return sha256.hexdigest()


def _take_along(old: Path, new: Path, kept: Manifest) -> None:
    """What no archive holds, for its size, goes on in the folder that takes the old one's place."""
    for name, file in files_below(old, "config"):
        if name in kept.files or name in kept.links or not file.is_file():
            continue
        target = _free_place(new, file.relative_to(old))
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file, target)
        except OSError:
            shutil.copy2(file, target)


def _free_place(folder: Path, below: Path) -> Path:
    """Below `folder` itself: what the archive has in a folder's or the file's place stays."""
    target = folder
    for part in below.parts[:-1]:
        target /= part
        if os.path.lexists(target) and (target.is_symlink() or not target.is_dir()):
            target = target.with_name(f"{part}.before-restore")
    target /= below.name
    return target.with_name(f"{below.name}.before-restore") if os.path.lexists(target) else target


def _put_in_place(paths: Paths, staged: Path, manifest: Manifest) -> None:
    """The database last, which a daemon takes at its next start."""
    for root in ("config", "certs"):
        if (staged / root).is_dir():
            _exchange(staged / root, (paths.data / root).resolve())
    for name in rules.SINGLE_FILES:
        if (staged / name).exists():
            (staged / name).replace(paths.data / name)
    if rules.DATABASE in manifest.files:
        paths.database.mkdir(exist_ok=True)
        (staged / rules.DATABASE).replace(paths.database / "mrk.db.restore")


def _exchange(new: Path, old: Path) -> None:
    if not old.exists():
        new.rename(old)
        return
    try:
        change_places(new, old, new.with_name(f"{new.name}.old"))
    except OSError as exc:
        if exc.errno != errno.EXDEV:
            raise
        _exchange_beside(new, old)


def _exchange_beside(new: Path, old: Path) -> None:
    """`old` is on another file system, as where `config` is a link to one."""
    beside = old.with_name(f".{old.name}.mrk-restore")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(new, beside, symlinks=True)
    sync_file_system(beside)
    _exchange(beside, old)
    shutil.rmtree(beside, ignore_errors=True)
