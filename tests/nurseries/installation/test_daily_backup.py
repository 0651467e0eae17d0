"""The daily backup: once a day, not during a print, and what its failure says."""

from pathlib import Path

import trio
from trio.testing import wait_all_tasks_blocked

from config.paths import Paths, create_folders
from config.settings.backup import BackupSettings
from nurseries.installation.daily_backup import FIRST_LOOK_S, LOOK_S, DailyBackup


class Printer:
    is_active = False


def daily(
    tmp_path: Path,
    printer: Printer,
    folder: Path | None = None,
    first_look_s: float = 0.0,
) -> DailyBackup:
    paths = Paths.resolve(environ={}, data_path=tmp_path / "data")
    create_folders(paths)
    settings = BackupSettings(data=paths.data, folder=folder or paths.backups)
    return DailyBackup(settings, printer, first_look_s=first_look_s)  # type: ignore[arg-type]


async def archives(folder: Path, count: int) -> list[Path]:
    with trio.fail_after(20):
        while len(found := list(folder.glob("mrk-daily-*"))) < count:  # noqa: ASYNC110
            await trio.sleep(0.01)
    return found


async def test_one_a_day(tmp_path, nursery):
    backup = daily(tmp_path, Printer())
    await nursery.start(backup.serve)
    await archives(tmp_path / "data/backup/installation", 1)
    backup._look()
    assert len(await archives(tmp_path / "data/backup/installation", 1)) == 1
    assert backup.warnings() == []
    assert backup.endpoints() == []


async def test_not_during_a_print(tmp_path, nursery, autojump_clock):
    printer = Printer()
    # Right after a start nobody knows yet that the printer prints.
    backup = daily(tmp_path, printer, first_look_s=FIRST_LOOK_S)
    await nursery.start(backup.serve)
    await trio.sleep(FIRST_LOOK_S / 2)
    printer.is_active = True
    await trio.sleep(LOOK_S * 2 + 1)
    await wait_all_tasks_blocked()
    assert not (tmp_path / "data/backup/installation").exists()


def test_a_failure_is_told(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    backup = daily(tmp_path, Printer(), file / "folder")
    backup._look()
    assert len(backup.warnings()) == 1
    assert backup.warnings()[0].startswith("The daily backup failed: ")


def test_a_clock_that_was_ahead_costs_no_later_backup(tmp_path):
    folder = tmp_path / "backups"
    folder.mkdir()
    ahead = [folder / f"mrk-daily-20{year}0101-000000.tar.gz" for year in range(80, 90)]
    for file in ahead:
        file.write_text("")
    backup = daily(tmp_path, Printer(), folder)
    backup._look()
    left = sorted(folder.iterdir())
    assert len(left) == backup._settings.keep
    assert left[0] not in ahead
    backup._look()
    assert sorted(folder.iterdir()) == left
