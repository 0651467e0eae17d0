"""The daily backup of `[backup]`: looked at every hour, made in a thread, never during a print."""

import logging
import time
from pathlib import Path

import trio

from config.paths import Paths
from config.settings.backup import BackupSettings
from mrk.api.endpoint import Endpoint
from mrk.errors import MrkError
from mrk.installation.backup_rules import is_due
from mrk.jobs.job_protocols import JobStatePort
from mrk.subsystem import Additions, Needs
from nurseries.installation.backup import create_backup, tidy

logger = logging.getLogger(__name__)
LOOK_S = 3600.0
# As the database's own copy: the start belongs to others, it is not known yet whether the printer
# prints, and a board without a battery has no date.
FIRST_LOOK_S = 120.0


class DailyBackup:
    """`folder` gets an archive a day; the newest `keep` are kept."""

    def __init__(
        self,
        settings: BackupSettings,
        job_state: JobStatePort,
        *,
        first_look_s: float = FIRST_LOOK_S,
    ) -> None:
        self._settings = settings
        self._job_state = job_state
        self._first_look_s = first_look_s
        self._warning = ""

    def endpoints(self) -> list[Endpoint]:
        """None: backups are the command line's."""
        return []

    def warnings(self) -> list[str]:
        """Why the last one failed, for server.info."""
        return [self._warning] if self._warning else []

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look every hour, first when the start is over, until cancelled."""
        task_status.started()
        await trio.sleep(self._first_look_s)
        while True:
            if not self._job_state.is_active:
                await trio.to_thread.run_sync(self._look, abandon_on_cancel=True)
            await trio.sleep(LOOK_S)

    def _look(self) -> None:
        settings = self._settings
        folder = settings.folder
        try:
            if not is_due(_names(folder), time.strftime("%Y%m%d")):
                return
            paths = Paths.resolve(environ={}, data_path=settings.data)
            made = create_backup(paths, folder, with_secrets=settings.with_secrets, kind="daily")
            tidy(folder, settings.keep, made)
        except (MrkError, OSError) as exc:
            self._warning = f"The daily backup failed: {exc}"
            logger.warning("%s", self._warning)
            return
        self._warning = ""
        logger.info("daily backup: %s", made)


def build(settings: BackupSettings, needs: Needs, additions: Additions) -> None:
    """For `[backup]`."""
    daily = DailyBackup(settings, needs.job_state)
    additions.add("backup", daily)
    additions.warnings.append(daily.warnings)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []
