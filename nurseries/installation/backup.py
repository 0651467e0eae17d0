"""Backups of an installation: one archive of configuration, database, identifiers and services.

A backup is written under a hidden name and renamed. A restore is unpacked and checked beside
before anything is touched; then whole folders change places, and what was there is kept.
"""

import contextlib
import ctypes
import errno
import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from config.paths import Paths
from config.secret_options import holds_secret
from mrk import foreign_json
from mrk.errors import MrkError
from mrk.foreign_json import NotJson
from mrk.installation import backup_rules as rules
from mrk.installation.backup_rules import Manifest
from mrk.installation.option_lines import without_secrets
from mrk.version import VERSION
from nurseries.installation.daemon_probe import ask, refuse_while_printing
from nurseries.installation.database_reading import copy_database

_CONFIGURATION = (".conf", ".cfg", ".toml")
_RENAME_EXCHANGE = 2  # renameat2(2)
_AT_FDCWD = -100


class Backup(msgspec.Struct, frozen=True):
    """One archive of the list."""

    path: Path
    size_bytes: int
    manifest: Manifest


def create_backup(paths: Paths, folder: Path, *, with_secrets: bool, kind: str = "") -> Path:
    """Write an archive into `folder`; returns its path. Raises `MrkError`."""
    target = folder / rules.archive_name(time.strftime("%Y%m%d-%H%M%S"), kind)
    part = folder / f".{target.name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".mrk-backup-") as work:
            members = list(_members(paths, Path(work), with_secrets))
            links = dict(_links(paths.config))
            _write(part, members, links, with_secrets)
        part.replace(target)
    except (OSError, sqlite3.Error) as exc:
        raise MrkError(f"no backup in {folder}: {getattr(exc, 'strerror', None) or exc}") from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target


def list_backups(folder: Path) -> list[Backup]:
    """Newest first; what cannot be read is left out."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if rules.is_archive(path.name):
                with contextlib.suppress(MrkError, OSError):
                    found.append(Backup(path, path.stat().st_size, read_manifest(path)))
    return sorted(found, key=lambda backup: backup.manifest.created_on, reverse=True)


def read_manifest(archive: Path) -> Manifest:
    """What an archive says about itself. Raises `MrkError`."""
    with _opened(archive) as opened:
        return _manifest(opened)


def restore_backup(paths: Paths, archive: Path) -> Path:
    """Take an archive's state; returns the backup of what was there. Raises `MrkError`.

    Refused while the printer prints. A daemon that runs takes the database at its restart.
    """
    refuse_while_printing(paths.unix_socket, "restore")
    paths.data.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=paths.data, prefix=".mrk-restore-") as work:
        staged = Path(work)
        manifest = _unpack(archive, staged)
        kept = create_backup(paths, paths.backups, with_secrets=True, kind="before-restore")
        try:
            _put_in_place(paths, staged, manifest)
        except OSError as exc:
            raise MrkError(f"{exc.filename}: {exc.strerror}; what was there: {kept}") from exc
    with contextlib.suppress(MrkError):
        ask(paths.unix_socket, "server.restart")
    return kept


def tidy(folder: Path, keep: int, made: Path) -> None:
    """Remove the oldest daily archives; `made` is the newest."""
    for name in rules.superfluous((path.name for path in folder.iterdir()), keep, made.name):
        (folder / name).unlink(missing_ok=True)


def _members(paths: Paths, work: Path, with_secrets: bool) -> Iterator[tuple[str, Path | bytes]]:
    names = [name for name in rules.SINGLE_FILES if (paths.data / name).is_file()]
    yield from ((name, paths.data / name) for name in names if _wanted(name, with_secrets))
    for root in ("config", "certs"):
        for file in sorted((paths.data / root).rglob("*")):
            name = f"{root}/{file.relative_to(paths.data / root)}"
            if file.is_symlink() or not file.is_file() or not _wanted(name, with_secrets):
                continue
            if file.stat().st_size > rules.FILE_BYTES:
                continue
            if not with_secrets and file.suffix in _CONFIGURATION:
                text = file.read_text(encoding="utf-8", errors="surrogateescape")
                kept = without_secrets(text, holds_secret)
                yield name, kept.encode("utf-8", "surrogateescape")
            else:
                yield name, file
    if (paths.database / "mrk.db").exists():
        yield rules.DATABASE, _database_copy(paths.database / "mrk.db", work, with_secrets)


def _wanted(name: str, with_secrets: bool) -> bool:
    return with_secrets or not name.startswith(rules.SECRET_FILES)


def _database_copy(file: Path, work: Path, with_secrets: bool) -> Path:
    copy = work / "mrk.db"
    copy_database(file, copy)
    if not with_secrets:
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as opened:
            rows = opened.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            tables = {row[0] for row in rows}
            for table in tables & set(rules.SECRET_TABLES):
                opened.execute(f"DELETE FROM {table}")
            if "namespace_store" in tables:
                sql = "DELETE FROM namespace_store WHERE namespace = ?"
                opened.executemany(sql, [(name,) for name in rules.SECRET_NAMESPACES])
            opened.execute("VACUUM")
    return copy


def _links(config: Path) -> Iterator[tuple[str, str]]:
    """Links of the configuration folder, such as a front end's mainsail.cfg."""
    if config.is_dir():
        for file in sorted(config.rglob("*")):
            if file.is_symlink():
                yield f"config/{file.relative_to(config)}", os.readlink(file)


def _write(
    part: Path, members: list[tuple[str, Path | bytes]], links: dict[str, str], with_secrets: bool
) -> None:
    contents = [(name, what if isinstance(what, bytes) else what.read_bytes())
                for name, what in members]  # fmt: skip
    manifest = Manifest(
        form=rules.FORM,
        version=VERSION,
        created_on=time.time(),
        with_secrets=with_secrets,
        files={name: hashlib.sha256(data).hexdigest() for name, data in contents},
        links=links,
    )
    first = (rules.MANIFEST, msgspec.json.encode(manifest))
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as opened:
        with tarfile.open(fileobj=opened, mode="w:gz") as archive:
            for name, data in (first, *contents):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode, entry.mtime = len(data), 0o600, int(manifest.created_on)
                archive.addfile(entry, io.BytesIO(data))
        opened.flush()
        os.fsync(opened.fileno())


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, mode="r:gz") as opened:
            yield opened
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise MrkError(f"{archive} is not a readable backup: {exc}") from exc


def _manifest(opened: tarfile.TarFile) -> Manifest:
    member = opened.next()
    file = opened.extractfile(member) if member is not None else None
    if member is None or member.name != rules.MANIFEST or file is None:
        raise MrkError("the archive is not a backup of mrk: it does not begin with a manifest")
    try:
        manifest = foreign_json.decode(file.read(rules.FILE_BYTES), Manifest)
    except NotJson as exc:
        raise MrkError(f"the archive's manifest cannot be read: {exc}") from exc
    if manifest.form != rules.FORM:
        raise MrkError(f"the backup has form {manifest.form}; this mrk reads form {rules.FORM}")
    return manifest


def _unpack(archive: Path, staged: Path) -> Manifest:
    """Everything of it, checked; nothing of the installation is touched."""
    with _opened(archive) as opened:
        manifest = _manifest(opened)
        members = opened.getmembers()
        rules.check_members([(m.name, m.size, m.isreg()) for m in members])
        free = shutil.disk_usage(staged).free
        if sum(member.size for member in members) * 2 > free:
            raise MrkError(f"no room for the restored files: {free} bytes are free")
        for member in members[1:]:
            file = opened.extractfile(member)
            data = file.read() if file is not None else b""
            if hashlib.sha256(data).hexdigest() != manifest.files.get(member.name):
                raise MrkError(f"{member.name} of the archive is damaged")
            target = staged / member.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(0o600 if not member.name.startswith("config/") else 0o644)
    missing = set(manifest.files) - {member.name for member in members}
    if missing:
        raise MrkError(f"the archive lacks {sorted(missing)[0]}")
    for name, to in manifest.links.items():
        if rules.is_inside(name) and name.startswith("config/"):
            (staged / name).parent.mkdir(parents=True, exist_ok=True)
            (staged / name).symlink_to(to)
    return manifest


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
    """Both change names in one step, where the file system can; else by two renames."""
    if not old.exists():
        new.rename(old)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(new), os.fsencode(old)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0:
        return
    number = ctypes.get_errno()
    if number not in (errno.ENOSYS, errno.EINVAL):
        raise OSError(number, os.strerror(number), str(old))
    away = new.with_name(f"{new.name}.old")
    old.rename(away)
    new.rename(old)
