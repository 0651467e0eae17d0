"""The backup of the last good configuration."""

import os

import pytest

from config.backup import backup_path, load_or_backup, load_or_keep, save_backup
from config.config_errors import ConfigError
from config.load import load
from config.paths import Paths


class Folder:
    """A data folder whose main file can be rewritten, each time newer than before."""

    def __init__(self, root, name):
        (root / "config").mkdir()
        self.main = root / "config" / name
        self.paths = Paths.resolve(environ={}, data_path=root)

    def write(self, text, file=None):
        target = file or self.main
        target.write_text(text)
        later_ns = 1 + max(file.stat().st_mtime_ns for file in target.parent.iterdir())
        os.utime(target, ns=(later_ns, later_ns))

    @property
    def backup(self):
        return backup_path(self.main)


@pytest.fixture
def conf(tmp_path):
    return Folder(tmp_path, "moonraker.conf")


def test_backup_is_flat_and_reads_back_the_same(conf):
    conf.write("# c\n[server]\nport: 7126  # c\n[include more.cfg]\n")
    (conf.main.parent / "more.cfg").write_text("[authorization]\ntrusted_clients:\n  ::1\n")
    good = load_or_backup(conf.paths)
    assert conf.backup.read_text() == (
        "[server]\nport = 7126\n\n[authorization]\ntrusted_clients =\n    ::1\n"
    )
    conf.write("[server]\nport: abc\n")
    fallen_back = load_or_backup(conf.paths)
    assert fallen_back.backup_used
    assert fallen_back.settings == good.settings
    assert fallen_back.orig == good.orig
    assert fallen_back.files == [
        {"filename": ".moonraker.conf.bkp", "sections": ["server", "authorization"]}
    ]
    assert 'moonraker.conf:2: [server] port: "abc" is not an integer' in fallen_back.warnings[0]


def test_one_that_moonraker_left_is_taken_and_told_first(conf):
    conf.write("[server]\nport: 7126\n[websockets]\nx: 1\n", conf.backup)
    conf.write("[server]\nport: 7127\nbare\n")
    fallen_back = load_or_backup(conf.paths)
    assert fallen_back.settings.server.port == 7126
    first, *more = fallen_back.warnings
    assert "its backup .moonraker.conf.bkp of 20" in first
    assert "changes of moonraker.conf have no effect" in first
    assert "moonraker.conf:3: " in first
    assert len(more) == 1


def test_repaired_file_is_read_again(conf):
    conf.write("[server]\nport: 7126\n")
    load_or_backup(conf.paths)
    conf.write("broken")
    assert load_or_backup(conf.paths).settings.server.port == 7126
    conf.write("[server]\nport: 7127\n")
    repaired = load_or_backup(conf.paths)
    assert repaired.settings.server.port == 7127
    assert not repaired.backup_used
    assert "7127" in conf.backup.read_text()


def test_falling_back_leaves_the_backup_alone(conf):
    conf.write("[server]\nport: 7126\n")
    load_or_backup(conf.paths)
    before = conf.backup.stat()
    conf.write("broken")
    load_or_backup(conf.paths)
    after = conf.backup.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_missing_file_with_a_backup(conf):
    conf.write("[server]\nport: 7126\n")
    load_or_backup(conf.paths)
    conf.main.unlink()
    named = conf.paths._replace(config_file=conf.main)
    assert load_or_backup(named).settings.server.port == 7126
    assert load_or_backup(conf.paths).settings.server.port == 7125


def test_no_backup_means_the_error(conf):
    conf.write("broken")
    with pytest.raises(ConfigError, match="broken"):
        load_or_backup(conf.paths)


def test_broken_backup_means_the_error_of_the_real_file(conf):
    conf.write("broken")
    conf.backup.write_text("also bad")
    with pytest.raises(ConfigError, match="broken"):
        load_or_backup(conf.paths)


def test_warnings_keep_it_from_being_written(conf):
    conf.write("[server]\nprot: 7126\n")
    load_or_backup(conf.paths)
    assert not conf.backup.exists()


def test_sections_of_add_ons_do_not(conf):
    conf.write("[server]\n[octoprint_compat]\n[octoapp]\ntype: b\n[authorization]\n")
    assert load_or_backup(conf.paths).warnings
    assert "[octoapp]\ntype = b\n" in conf.backup.read_text()


def test_backup_at_least_as_new_is_kept(conf):
    conf.write("[server]\n")
    configuration = load(conf.paths)
    stamp_ns = conf.main.stat().st_mtime_ns
    conf.backup.write_text("[server]\n")
    os.utime(conf.backup, ns=(stamp_ns, stamp_ns))
    assert not save_backup(configuration)
    os.utime(conf.backup, ns=(stamp_ns - 1, stamp_ns - 1))
    assert save_backup(configuration)


def test_newer_backup_of_another_text_is_replaced(conf):
    """It was made when the clock was ahead, or the file was put back with its old time."""
    conf.write("[server]\nport: 7126\n")
    load_or_backup(conf.paths)
    ahead_ns = conf.backup.stat().st_mtime_ns + 10**18
    os.utime(conf.backup, ns=(ahead_ns, ahead_ns))
    conf.main.write_text("[server]\nport: 7127\n")
    load_or_backup(conf.paths)
    conf.main.write_text("broken")
    assert load_or_backup(conf.paths).settings.server.port == 7127


def test_included_file_newer_than_the_backup(conf):
    more = conf.main.parent / "more.cfg"
    conf.write("[server]\n[include more.cfg]\n")
    conf.write("[data_store]\n", more)
    configuration = load(conf.paths)
    assert save_backup(configuration)
    newer_ns = conf.backup.stat().st_mtime_ns + 1
    os.utime(more, ns=(newer_ns, newer_ns))
    assert save_backup(configuration)


def test_backup_has_the_permissions_of_the_file_and_leaves_nothing_else(conf):
    conf.write("[server]\n")
    conf.main.chmod(0o640)
    load_or_backup(conf.paths)
    assert conf.backup.stat().st_mode & 0o777 == 0o640
    assert sorted(file.name for file in conf.main.parent.iterdir()) == [
        ".moonraker.conf.bkp",
        "moonraker.conf",
    ]


def test_backup_that_cannot_be_written_is_no_failure(conf):
    conf.write("[server]\n")
    conf.backup.mkdir()
    conf.write("[server]\nport: 1\n")
    os.utime(conf.backup, ns=(0, 0))
    assert load_or_backup(conf.paths).settings.server.port == 1
    assert len(list(conf.main.parent.iterdir())) == 2


def test_restart_on_a_broken_file_keeps_the_last_good_one(conf):
    conf.write("[server]\nport: 7126\n")
    good = load_or_backup(conf.paths)
    conf.write("first mistake")
    kept = load_or_keep(conf.paths, good)
    assert kept.settings is good.settings
    assert len(kept.warnings) == 1
    assert "first mistake" in kept.warnings[0]
    conf.write("second mistake")
    kept = load_or_keep(conf.paths, kept)
    assert len(kept.warnings) == 1
    assert "second mistake" in kept.warnings[0]
    conf.write("[server]\nport: 7127\n")
    again = load_or_keep(conf.paths, kept)
    assert again.settings.server.port == 7127
    assert again.warnings == []


def test_toml(tmp_path):
    toml = Folder(tmp_path, "mrk.toml")
    toml.write("[server]\nport = 7126\n")
    load_or_backup(toml.paths)
    assert toml.backup.name == ".mrk.toml.bkp"
    toml.write("[server\n")
    fallen_back = load_or_backup(toml.paths)
    assert fallen_back.backup_used
    assert fallen_back.settings.server.port == 7126
