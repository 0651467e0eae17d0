"""Backups: what is in them, that they come back whole, and what a strange archive cannot do."""

import errno
import hashlib
import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
import tempfile
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import change_places, whole_file
from config.paths import Paths, create_folders
from mrk.errors import MrkError
from mrk.installation import backup_rules
from mrk.jobs.schema import JOB_MIGRATIONS
from nurseries.command_line.main import main
from nurseries.database.importer import run_import
from nurseries.installation import archive_writer, backup, daemon_probe
from nurseries.installation.backup import create_backup, list_backups, tidy
from nurseries.installation.restore import restore_backup

SAMPLE = Path(__file__).parents[2] / "data/moonraker_database/moonraker-sql.db"
CONF = "[server]\nport: 7125\n[mqtt]\naddress: broker\npassword: planted-password\n  more\n"


@pytest.fixture
def paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Paths:
    paths = Paths.resolve(environ={}, data_path=tmp_path / "data")
    create_folders(paths)
    (paths.config / "moonraker.conf").write_text(CONF)
    (paths.config / "sub").mkdir()
    (paths.config / "sub/a.cfg").write_text("[a]\n")
    (paths.config / "mainsail.cfg").symlink_to("/home/pi/mainsail-config/mainsail.cfg")
    paths.instance_id.write_text("0123456789abcdef0123456789abcdef")
    (paths.data / "moonraker.asvc").write_text("crowsnest\n")
    paths.secrets.write_text('{"a": "planted-secret"}')
    paths.certificate.parent.mkdir()
    paths.certificate_key.write_text("key")
    run_import(paths.data, SAMPLE, False, JOB_MIGRATIONS)
    capsys.readouterr()
    return paths


def tree(paths: Paths) -> dict[str, str]:
    found = {}
    for root in (paths.config, paths.certificate.parent):
        for path in sorted(root.rglob("*")):
            if path.is_symlink():
                found[str(path)] = f"-> {os.readlink(path)}"
            elif path.is_file():
                found[str(path)] = path.read_text()
    for path in (paths.instance_id, paths.data / "moonraker.asvc", paths.secrets):
        found[str(path)] = path.read_text() if path.exists() else ""
    return found


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(file)
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def test_there_and_back(paths):
    before = tree(paths)
    archive = create_backup(paths, paths.backups, with_secrets=True)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    (paths.config / "moonraker.conf").write_text("[server]\nport: 1\n")
    (paths.config / "new.cfg").write_text("")
    (paths.config / "mainsail.cfg").unlink()
    paths.secrets.unlink()
    changed = tree(paths)
    kept = restore_backup(paths, archive)
    assert tree(paths) == before
    restored = paths.database / "mrk.db.restore"
    assert rows(restored, "SELECT count(*) FROM job_history") == [(4,)]
    assert rows(restored, "SELECT username FROM users") == [("olduser",)]
    # And what was there comes back the same way.
    restore_backup(paths, kept)
    # The secrets file was not in that one, so the restored one stays.
    assert tree(paths) == {**changed, str(paths.secrets): before[str(paths.secrets)]}
    assert not [path for path in paths.data.iterdir() if path.name.startswith(".mrk-")]


def test_without_secrets(paths):
    connection = sqlite3.connect(paths.database / "mrk.db")
    sql = "INSERT INTO namespace_store VALUES ('simplyprint', 'printer_token', '\"planted-token\"')"
    connection.execute(sql)
    sql = (
        """INSERT INTO namespace_store VALUES ('webcams', 'a', '{"a":"http://me:planted@cam/"}')"""
    )
    connection.execute(sql)
    connection.commit()
    connection.close()
    with (paths.config / "moonraker.conf").open("a") as file:
        file.write("[update_manager a]\norigin: https://planted-token@host/a.git\n")
    archive = create_backup(paths, paths.backups, with_secrets=False)
    with tarfile.open(archive) as opened:
        files = {m.name: opened.extractfile(m).read() for m in opened}  # type: ignore[union-attr]
    assert not [data for data in files.values() if b"planted" in data or data == b"key"]
    conf = files["config/moonraker.conf"].decode()
    assert "# password: left out of the backup" in conf
    assert "more" not in conf
    assert "\norigin: https://host/a.git\n" in conf
    restore_backup(paths, archive)
    restored = paths.database / "mrk.db.restore"
    assert rows(restored, "SELECT count(*) FROM users") == [(0,)]
    assert rows(restored, "SELECT count(*) FROM job_history") == [(4,)]
    webcams = "SELECT value FROM namespace_store WHERE namespace = 'webcams' AND key = 'a'"
    assert rows(restored, webcams) == [('{"a":"http://cam/"}',)]
    assert paths.secrets.read_text() == '{"a": "planted-secret"}'


def test_refused_while_printing(paths, monkeypatch):
    archive = create_backup(paths, paths.backups, with_secrets=True)
    before = tree(paths)
    monkeypatch.setattr(daemon_probe, "printing", lambda _socket: "paused")
    with pytest.raises(MrkError, match="the printer is paused"):
        restore_backup(paths, archive)
    assert tree(paths) == before


def archive_of(path: Path, members: list[tuple[str, bytes]], **manifest: object) -> Path:
    known = {"form": 1, "version": "0", "created_on": 0, "with_secrets": True, "files": {}}
    head = json.dumps({**known, **manifest}).encode()
    with tarfile.open(path, "w:gz") as archive:
        for name, data in [("manifest.json", head), *members]:
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("members", "manifest", "told"),
    [
        ([("../x", b"")], {}, "has a member '../x'"),
        ([("/etc/x", b"")], {}, "has a member '/etc/x'"),
        ([("config/../../x", b"")], {}, "that no backup of mrk has"),
        ([("gcodes/x", b"")], {}, "that no backup of mrk has"),
        ([("config/a", b"x")], {}, "config/a of the archive is damaged"),
        ([], {"files": {"config/a": "00"}}, "the archive lacks config/a"),
        ([], {"form": 2}, "the backup has form 2; this mrk reads form 1"),
        ([], {"form": "x"}, "manifest cannot be read"),
    ],
)
def test_strange_archives(paths, tmp_path, members, manifest, told):
    before = tree(paths)
    with pytest.raises(MrkError, match=told):
        restore_backup(paths, archive_of(tmp_path / "x.tar.gz", members, **manifest))
    assert tree(paths) == before
    assert not (tmp_path / "x").exists()


def test_links_leave_nothing(paths, tmp_path):
    """A link of an archive is made in the configuration folder only, and never written through."""
    links = {"../evil": "/etc/passwd", "config/ok.cfg": "/x", "certs/evil": "/etc"}
    restore_backup(paths, archive_of(tmp_path / "x.tar.gz", [], links=links))
    assert os.readlink(paths.config / "ok.cfg") == "/x"
    assert not (paths.data / "evil").is_symlink()
    assert not (paths.data / "certs/evil").is_symlink()


@pytest.mark.parametrize(
    ("members", "links"),
    [
        ([], {"config/a": "{home}", "config/a/authorized_keys": "/x"}),
        ([], {"config/a/b/keys": "/x", "config/a": "{home}"}),
        ([("config/a/keys", b"x")], {"config/a": "{home}"}),
        ([("config/a", b"x")], {"config/a/keys": "/x"}),
        ([("config/a", b"x")], {"config/a": "/x"}),
    ],
)
def test_nothing_is_made_where_a_link_leads_to(paths, tmp_path, members, links):
    home = tmp_path / "home"
    home.mkdir()
    before = tree(paths)
    links = {name: to.format(home=home) for name, to in links.items()}
    files = {name: hashlib.sha256(data).hexdigest() for name, data in members}
    archive = archive_of(tmp_path / "x.tar.gz", members, links=links, files=files)
    with pytest.raises(MrkError, match="the archive has 'config/a"):
        restore_backup(paths, archive)
    assert tree(paths) == before
    assert list(home.iterdir()) == []


def test_what_stays_is_not_put_where_a_link_leads_to(paths, tmp_path, monkeypatch):
    monkeypatch.setattr(backup_rules, "FILE_BYTES", 1000)
    home = tmp_path / "home"
    home.mkdir()
    (paths.config / "sub/large").write_text("x" * 1001)
    restore_backup(paths, archive_of(tmp_path / "x.tar.gz", [], links={"config/sub": str(home)}))
    assert list(home.iterdir()) == []
    assert os.readlink(paths.config / "sub") == str(home)
    assert (paths.config / "sub.before-restore/large").read_text() == "x" * 1001


def test_what_is_no_archive(paths, tmp_path):
    (tmp_path / "x").write_bytes(b"nothing")
    told = {"x": "x is not a readable backup", "none": "there is no archive .*none"}
    for name, reason in told.items():
        with pytest.raises(MrkError, match=reason):
            restore_backup(paths, tmp_path / name)
    result = CliRunner().invoke(main, ["-d", str(paths.data), "backup", "restore", "none"])
    assert result.output.strip() == "Error: there is no archive none"


def test_bounds(monkeypatch):
    monkeypatch.setattr(backup_rules, "MOST_MEMBERS", 2)
    monkeypatch.setattr(backup_rules, "MOST_BYTES", 10)
    backup_rules.check_members([("config/a", 5, True), ("config/b", 5, True)])
    with pytest.raises(MrkError, match="has 3 members; at most 2"):
        backup_rules.check_members([("config/a", 1, True)] * 3)
    with pytest.raises(MrkError, match="unpacks to 11 bytes; at most 10"):
        backup_rules.check_members([("config/a", 11, True)])
    with pytest.raises(MrkError, match="that no backup of mrk has"):
        backup_rules.check_members([("config/a", 1, False)])


def test_a_full_disk_leaves_nothing(paths, monkeypatch):
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MrkError, match="No space left on device"):
        create_backup(paths, paths.backups, with_secrets=True)
    assert list(paths.backups.iterdir()) == []


def aged(path: Path, days: float) -> Path:
    made = time.time() - days * 24 * 3600
    os.utime(path, (made, made), follow_symlinks=False)
    return path


def test_what_a_killed_one_left_is_removed_a_day_later(paths):
    """They hold a copy of the database, or all of the configuration."""
    paths.backups.mkdir(parents=True)
    elsewhere = paths.data / "elsewhere"
    part = ".mrk-daily-2026010{}-000000.tar.gz.part"
    for number in range(3):
        (paths.backups / part.format(number)).write_text("half")
    folders = [paths.backups / f".mrk-backup-{number}" for number in range(3)]
    folders += [paths.data / f".mrk-restore-{number}" for number in range(3)]
    for folder in folders:
        folder.mkdir()
        (folder / "mrk.db").write_text("")
    interrupted = paths.data / ".mrk-restore-between-two-renames"
    (interrupted / "config.old").mkdir(parents=True)
    elsewhere.mkdir()
    link = paths.data / ".mrk-restore-link"
    link.symlink_to(elsewhere)
    every = [*paths.backups.iterdir(), *paths.data.glob(".mrk-restore-*")]
    for path in every:
        # The clock may have been ahead.
        number = path.name.removesuffix("-000000.tar.gz.part")[-1]
        aged(path, {"0": 0, "1": -2}.get(number, 2))
    restore_backup(paths, create_backup(paths, paths.backups, with_secrets=True))
    stay = {part.format(0), ".mrk-backup-0", ".mrk-restore-0", interrupted.name}
    assert {path.name for path in every if os.path.lexists(path)} == stay
    assert elsewhere.exists()


def test_no_copy_is_begun_that_would_fill_the_disk(paths, monkeypatch):
    monkeypatch.setattr(backup, "fits", lambda size_bytes, _disk: size_bytes == 0)
    monkeypatch.setattr(backup, "copy_database", None)  # nothing is written
    with pytest.raises(MrkError, match=r"no backup in .*: .*: No space left on device"):
        create_backup(paths, paths.backups, with_secrets=True)
    assert list(paths.backups.iterdir()) == []


def test_daily_ones_are_kept_and_dropped():
    names = [f"mrk-daily-2026010{day}-000000.tar.gz" for day in range(1, 6)]
    assert (
        backup_rules.superfluous([*names, "mrk-20250101-000000.tar.gz", "x"], 3, names[-1])
        == names[:2]
    )
    assert backup_rules.superfluous(names, 5, names[-1]) == []
    assert backup_rules.superfluous(names, 2, names[0]) == [names[3], names[4], names[1]]
    assert not backup_rules.is_due(names, "20260105")
    assert backup_rules.is_due(names, "20260106")


def test_days_to_come_are_dropped_before_days_that_were():
    """After a clock that was ahead for weeks there are as many daily ones as ever, in days."""
    ahead = [f"mrk-daily-203601{day:02}-000000.tar.gz" for day in range(1, 8)]
    days = [f"mrk-daily-202601{day:02}-120000.tar.gz" for day in range(1, 10)]
    kept = list(ahead)
    for made in days:
        kept.append(made)
        for name in backup_rules.superfluous(kept, 7, made):
            kept.remove(name)
        assert len(kept) == 7
        assert made in kept
    assert kept == days[-7:]
    # A machine that wakes up in the past: the oldest day goes, and no more.
    assert backup_rules.superfluous([*days[-7:], "mrk-daily-19700101-000009.tar.gz"], 7,
                                    "mrk-daily-19700101-000009.tar.gz") == days[2:3]  # fmt: skip


def test_tidy(tmp_path):
    for day in range(1, 4):
        (tmp_path / f"mrk-daily-2026010{day}-000000.tar.gz").touch()
    (tmp_path / "mrk-20250101-000000.tar.gz").touch()
    tidy(tmp_path, 1, tmp_path / "mrk-daily-20260103-000000.tar.gz")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["mrk-20250101-000000.tar.gz", "mrk-daily-20260103-000000.tar.gz"]


def test_a_file_that_is_too_large_is_left_out(paths, monkeypatch):
    monkeypatch.setattr(backup_rules, "FILE_BYTES", 1000)
    (paths.config / "fits.cfg").write_text("x" * 1000)
    (paths.config / "large.cfg").write_text("x" * 1001)
    archive = create_backup(paths, paths.backups, with_secrets=True)
    with tarfile.open(archive) as opened:
        names = opened.getnames()
    assert "config/fits.cfg" in names
    assert "config/large.cfg" not in names
    (paths.config / "sub/new.bin").write_text("y" * 1001)
    (paths.config / "fits.cfg").write_text("z" * 1001)
    restore_backup(paths, archive)
    assert (paths.config / "large.cfg").read_text() == "x" * 1001
    assert (paths.config / "sub/new.bin").read_text() == "y" * 1001
    assert (paths.config / "fits.cfg").read_text() == "x" * 1000
    assert (paths.config / "fits.cfg.before-restore").read_text() == "z" * 1001


def test_a_script_stays_a_program(paths):
    script = paths.config / "sub/run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    archive = create_backup(paths, paths.backups, with_secrets=True)
    restore_backup(paths, archive)
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert stat.S_IMODE((paths.config / "sub/a.cfg").stat().st_mode) == 0o644


def test_what_could_not_be_restored_is_not_made(paths, monkeypatch):
    monkeypatch.setattr(backup_rules, "MOST_MEMBERS", 3)
    with pytest.raises(MrkError, match=r"at most 3 are read; what is no .* can leave .*/config"):
        create_backup(paths, paths.backups, with_secrets=True)
    assert list(paths.backups.iterdir()) == []


def test_a_file_that_cannot_be_read_is_named(paths, monkeypatch):
    def refused(path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(MrkError, match=r"no backup in .*: .*/\.moonraker\.uuid: Permission denied"):
        create_backup(paths, paths.backups, with_secrets=True)


def test_nothing_is_held_in_memory_as_a_whole(paths, monkeypatch):
    """The database of a print farm has hundreds of MB, and a small board 512 of memory."""

    def whole(*_: object) -> None:
        raise AssertionError("a file was read as a whole")

    def in_pieces(file: tarfile.ExFileObject, size: int = -1) -> bytes:
        assert size > 0
        return io.BufferedReader.read(file, size)

    monkeypatch.setattr(Path, "read_bytes", whole)
    monkeypatch.setattr(tarfile.ExFileObject, "read", in_pieces, raising=False)
    before = tree(paths)
    archive = create_backup(paths, paths.backups, with_secrets=True)
    (paths.config / "moonraker.conf").unlink()
    restore_backup(paths, archive)
    assert tree(paths) == before


@pytest.mark.parametrize("text", ["[server]\n", CONF + "#" * 5000, CONF.replace("7125", "7126")])
def test_a_file_that_changes_meanwhile_is_taken_as_it_is_then(paths, monkeypatch, text):
    real, changes = archive_writer._facts, [text]
    conf = paths.config / "moonraker.conf"

    def then_changed(what: Path | bytes) -> tuple[str, int]:
        found = real(what)
        if what == conf and changes:
            conf.write_text(changes.pop())
        return found

    monkeypatch.setattr(archive_writer, "_facts", then_changed)
    archive = create_backup(paths, paths.backups, with_secrets=True)
    conf.unlink()
    restore_backup(paths, archive)
    # What was only added to may be there as it was: whole, of one moment.
    assert conf.read_text() in (text, CONF if text.startswith(CONF) else text)


def test_a_file_that_changes_all_the_time_is_named(paths, monkeypatch):
    real, conf = archive_writer._facts, paths.config / "moonraker.conf"

    def then_changed(what: Path | bytes) -> tuple[str, int]:
        found = real(what)
        if what == conf:
            conf.write_text(os.urandom(8).hex())
        return found

    monkeypatch.setattr(archive_writer, "_facts", then_changed)
    with pytest.raises(MrkError, match=r"no backup: config/moonraker.conf changes all the time"):
        create_backup(paths, paths.backups, with_secrets=True)
    assert list(paths.backups.iterdir()) == []


def test_on_the_command_line(paths):
    def run(*words: str, given: str | None = None) -> tuple[int, str]:
        result = CliRunner().invoke(main, ["-d", str(paths.data), "backup", *words], input=given)
        return result.exit_code, result.output

    assert "There are no backups" in run("list")[1]
    code, output = run("create")
    assert code == 0
    made = Path(output.strip())
    today = time.strftime("%Y-%m-%d")
    listed = run("list")[1]
    assert listed.startswith(today)
    assert str(made) in listed
    assert "with secrets" in listed
    assert run("restore", str(made), given="n\n")[0] == 1
    code, output = run("restore", str(made), "--yes")
    assert code == 0, output
    assert "What was there: " in output
    assert len(list_backups(paths.backups)) == 2


def test_a_configuration_on_another_file_system(paths):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == paths.data.stat().st_dev:
            pytest.skip("/dev/shm is no file system of its own")
        paths.config.rename(paths.data / "old")
        paths.config.symlink_to(Path(other, "config"))
        shutil.copytree(paths.data / "old", paths.config.resolve(), symlinks=True)
        before = tree(paths)
        archive = create_backup(paths, paths.backups, with_secrets=True)
        (paths.config / "moonraker.conf").write_text("")
        restore_backup(paths, archive)
        assert tree(paths) == before
        assert os.listdir(other) == ["config"]


@pytest.mark.parametrize("refuses", [True, False])
def test_folders_that_cannot_change_places_in_one_step(paths, monkeypatch, refuses):
    """Where the disk then refuses, what was there is there again; files are on the disk first."""
    archive = create_backup(paths, paths.backups, with_secrets=True)
    (paths.config / "moonraker.conf").write_text("[server]\n")
    before, synced = tree(paths), []
    rename = Path.rename

    def unable(*_paths):
        synced.append(False)
        raise OSError(errno.EINVAL, "Invalid argument")

    def refused(path, target):
        if refuses and target == paths.config and path.suffix != ".old":
            raise OSError(errno.EIO, "Input/output error", str(path))
        return rename(path, target)

    monkeypatch.setattr(change_places, "_exchange", unable)
    monkeypatch.setattr(Path, "rename", refused)
    monkeypatch.setattr(whole_file, "_syncfs", lambda _descriptor: synced.append(True) or True)
    if refuses:
        with pytest.raises(MrkError, match="what was there"):
            restore_backup(paths, archive)
        assert tree(paths) == before
    else:
        restore_backup(paths, archive)
        assert (paths.config / "moonraker.conf").read_text() == CONF
    assert synced[0] is True
