"""Whose data folder is imported into, and what is told of a source."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mrk.database.schema import joined
from nurseries.command_line.main import main
from nurseries.database.opening import DatabaseLocation, open_database


def imported(data: Path, source: Path) -> Result:
    return CliRunner().invoke(main, ["-d", str(data), "import-moonraker", str(source)])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    result = imported(tmp_path / "none", tmp_path)
    assert result.exit_code == 1
    assert f"there is no data folder {tmp_path}/none" in result.output
    assert not (tmp_path / "none").exists()


def test_somebody_elses_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    tmp_path.chmod(0o755)
    if tmp_path.stat().st_uid == 0:
        os.chown(tmp_path, 65534, -1)
    result = imported(tmp_path, tmp_path)
    assert result.exit_code == 1
    assert "not as root" in result.output or "run this as its owner" in result.output


def test_a_database_of_mrk_is_no_source(tmp_path: Path) -> None:
    place = DatabaseLocation(tmp_path / "database", tmp_path / "backup", joined(()))
    with open_database(place):
        pass
    result = imported(tmp_path, tmp_path / "database/mrk.db")
    told = f"{tmp_path}/database/mrk.db is not a Moonraker database: its tables are missing"
    assert told in result.output
