"""Backups of an installation: one archive of configuration, database, identifiers and services.

A backup is written under a hidden name and renamed; `restore.py` brings it back.
"""

import contextlib
import errno
import gzip
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from config.paths import Paths
from config.secret_options import holds_secret
from mrk import foreign_json
from mrk.definitions.url_logins import without_login
from mrk.errors import MrkError
from mrk.files.disk_space import fits
from mrk.foreign_json import NotJson
from mrk.installation import backup_rules as rules
from mrk.installation.backup_rules import Manifest
from mrk.installation.option_lines import without_secrets
from nurseries.installation.archive_writer import write_archive
from nurseries.installation.database_reading import copy_database

_CONFIGURATION = (".conf", ".cfg", ".toml")
# None takes so long.
_WORK_S = 24 * 3600.0


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
        remove_unfinished(folder)
        with tempfile.TemporaryDirectory(dir=folder, prefix=rules.BACKUP_WORK) as work:
            members = list(_members(paths, Path(work), with_secrets))
            links = dict(_links(paths.config))
            _check_size(members, paths.config)
            write_archive(part, members, links, with_secrets=with_secrets)
        part.replace(target)
    except (OSError, sqlite3.Error) as exc:
        raise MrkError(f"no backup in {folder}: {reason_of(exc)}") from exc
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return target


def remove_unfinished(folder: Path) -> None:
    """Remove what a backup or a restore left that was killed, or lost its power.

    The old folders of a restore that was interrupted between two renames stay: they may be the only
    ones.
    """
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if rules.is_work(path.name) and not any(path.glob("*.old")):
                with contextlib.suppress(OSError):
                    _remove_old(path)


def _remove_old(path: Path) -> None:
    # By a clock that was ahead, too.
    if abs(time.time() - path.lstat().st_mtime) < _WORK_S:
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


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
    with opened_archive(archive) as opened:
        return manifest_of(opened)


def tidy(folder: Path, keep: int, made: Path) -> None:
    """Remove the oldest daily archives; `made` is the newest."""
    for name in rules.superfluous((path.name for path in folder.iterdir()), keep, made.name):
        (folder / name).unlink(missing_ok=True)


def _members(paths: Paths, work: Path, with_secrets: bool) -> Iterator[tuple[str, Path | bytes]]:
    names = [name for name in rules.SINGLE_FILES if (paths.data / name).is_file()]
    yield from ((name, paths.data / name) for name in names if _wanted(name, with_secrets))
    for root in ("config", "certs"):
        for name, file in files_below(paths.data / root, root):
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
    if not fits(file.stat().st_size, os.statvfs(work)):
        # A copy that stops midway would first fill the disk for everybody, each hour anew.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(work.parent))
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
                _take_logins(opened)
            opened.execute("VACUUM")
    return copy


def _take_logins(database: sqlite3.Connection) -> None:
    """Of addresses in any record, such as those of webcams."""
    # In a text of JSON an address is as in any other: no quote stands in it.
    database.create_function("without_login", 1, without_login, deterministic=True)
    database.execute(
        "UPDATE namespace_store SET value = without_login(value) WHERE value LIKE '%://%@%'"
    )


def _links(config: Path) -> Iterator[tuple[str, str]]:
    """Links of the configuration folder, such as a front end's mainsail.cfg."""
    for name, file in files_below(config, "config"):
        if file.is_symlink():
            yield name, os.readlink(file)


def files_below(folder: Path, root: str) -> Iterator[tuple[str, Path]]:
    """Everything below a folder but folders, by its name in archives. Raises `OSError`."""
    if not folder.is_dir():
        return
    for where, folders, files in os.walk(folder, onerror=_raise):
        links = (name for name in folders if os.path.islink(os.path.join(where, name)))
        for name in sorted([*files, *links]):
            file = Path(where, name)
            yield f"{root}/{file.relative_to(folder)}", file
        folders.sort()


def _raise(error: OSError) -> None:
    raise error


def reason_of(error: OSError | sqlite3.Error) -> str:
    """What went wrong, and with which file."""
    reason = getattr(error, "strerror", None) or str(error)
    name = getattr(error, "filename", None)
    return f"{name}: {reason}" if name else reason


def _check_size(members: list[tuple[str, Path | bytes]], config: Path) -> None:
    """One that could not be restored is not made. Raises `MrkError`."""
    sizes = [
        (name, len(what) if isinstance(what, bytes) else what.stat().st_size, True)
        for name, what in members
    ]
    try:
        rules.check_members(sizes)
    except MrkError as exc:
        raise MrkError(f"no backup: {exc}; what is no configuration can leave {config}") from exc


@contextlib.contextmanager
def opened_archive(archive: Path) -> Iterator[tarfile.TarFile]:
    """An archive to be read; what goes wrong with it or within becomes `MrkError`."""
    try:
        with tarfile.open(archive, mode="r:gz") as opened:
            yield opened
    except FileNotFoundError as exc:
        raise MrkError(f"there is no archive {archive}") from exc
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as exc:
        raise MrkError(f"{archive} is not a readable backup: {exc}") from exc
    except OSError as exc:
        raise MrkError(f"{archive} cannot be unpacked: {reason_of(exc)}") from exc


def manifest_of(opened: tarfile.TarFile) -> Manifest:
    """The first member of an archive. Raises `MrkError`."""
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
