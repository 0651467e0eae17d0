"""`[backup]`: a daily backup."""

import pytest

from config.load import load
from config.paths import Paths


def settings(tmp_path, text):
    paths = Paths.resolve(environ={}, data_path=tmp_path)
    paths.config.mkdir(exist_ok=True)
    (paths.config / "moonraker.conf").write_text(text)
    return load(paths)


def test_without_the_section_there_is_none(tmp_path):
    assert settings(tmp_path, "[server]\n").settings.backup is None


def test_defaults(tmp_path):
    found = settings(tmp_path, "[server]\n[backup]\n").settings.backup
    assert found is not None
    assert (found.keep, found.with_secrets) == (7, True)
    assert found.folder == tmp_path / "backup/installation"
    assert found.data == tmp_path


@pytest.mark.parametrize(("written", "used"), [("0", 1), ("1", 1), ("365", 365), ("366", 365)])
def test_bounds(tmp_path, written, used):
    found = settings(
        tmp_path, f"[server]\n[backup]\nkeep: {written}\nwith_secrets: no\nfolder: /mnt/x\n"
    )
    assert found.settings.backup is not None
    assert found.settings.backup.keep == used
    assert not found.settings.backup.with_secrets
    assert bool(found.notices) is (written != str(used))
