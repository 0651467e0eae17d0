"""Updates mrk to another release: built and tried beside, then switched, and proved.

Nothing of what runs is touched before the switch; after it the launcher turns back unless the new
release proves itself (`release_proof.py`). What was begun and not finished is removed by the next.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

from config.paths import Paths
from config.whole_file import sync, sync_file_system
from mrk.database.schema import BEFORE_UPDATE
from mrk.errors import MrkError
from mrk.installation.launcher_text import PROVE_S
from mrk.installation.release import SPACE_FACTOR, Archive, OwnRelease, archive_for, check_members
from nurseries.installation.daemon_probe import ask, refuse_while_printing
from nurseries.installation.database_reading import copy_database
from nurseries.installation.release_source import ReleaseSource, machine_name
from nurseries.installation.releases import Releases

_BUILD_S = 1200.0
_TRY_S = 60.0
# The launcher's limit and a start of the old release.
_OUTCOME_S = PROVE_S + 30.0
_MARGIN_BYTES = 50 * 1024 * 1024


class SelfUpdate:
    """Updates for the data folder that `unit` serves; `tell` shows a person each step."""

    def __init__(
        self, releases: Releases, paths: Paths, unit: str, tell: Callable[[str], None]
    ) -> None:
        self._releases = releases
        self._paths = paths
        self._unit = unit
        self._tell = tell

    def install(self, source: ReleaseSource, release: OwnRelease) -> None:
        """Fetch, build and try a release beside the others. Raises `MrkError`."""
        version = release.version
        folder = self._releases.folder(version)
        if self._releases.is_complete(version):
            self._tell(f"{version} is installed already")
            return
        archive = archive_for(release, machine_name())
        work = folder.with_name(f".{version}.partial")
        with self._releases.alone():
            for leftover in (work, folder):
                shutil.rmtree(leftover, ignore_errors=True)
            try:
                self._build(source, archive, work, folder)
                self._try(folder)
                # What lies on the disk only in part would be whole by its mark after a power cut.
                sync_file_system(folder)
                self._releases.complete(version)
            except (MrkError, OSError) as exc:
                shutil.rmtree(folder, ignore_errors=True)
                raise MrkError(f"{version} was not installed: {exc}") from exc
            finally:
                shutil.rmtree(work, ignore_errors=True)

    def switch(self, version: str, *, restarts: bool = True) -> bool:
        """Make it current and restart the service; False: that is left to the caller.

        Raises `MrkError`; refused while printing.
        """
        refuse_while_printing(self._paths.unix_socket, "update")
        with self._releases.alone():
            try:
                self._copy_database()
                self._releases.switch(version)
            except (OSError, sqlite3.Error) as exc:
                raise MrkError(f"nothing was switched: {exc}") from exc
        self._tell(f"{version} is current")
        if not self._unit or not restarts:
            return False
        try:
            ask(self._paths.unix_socket, "machine.services.restart", service=self._unit)
        except MrkError as exc:
            self._tell(f"{self._unit} cannot be restarted: {exc}")
            return False
        return True

    def outcome(self, version: str) -> bool:
        """Wait until the new release has proved itself, or the launcher has turned back."""
        limit = time.monotonic() + _OUTCOME_S
        while self._releases.is_pending and time.monotonic() < limit:
            time.sleep(0.5)
        return self._releases.current() == version and not self._releases.is_pending

    def _build(self, source: ReleaseSource, archive: Archive, work: Path, folder: Path) -> None:
        work.mkdir(parents=True)
        needed = archive.size_bytes * SPACE_FACTOR + _MARGIN_BYTES
        free = shutil.disk_usage(work).free
        if free < needed:
            raise MrkError(f"{needed} bytes are needed, {free} are free")
        self._tell("fetching")
        source.fetch(archive, work / "archive.tar")
        _unpack(work / "archive.tar", work)
        self._tell("building the environment")
        _run([sys.executable, "-I", "-m", "venv", str(folder)], _BUILD_S)
        pip = [str(folder / "bin/python"), "-I", "-m", "pip", "install", "--quiet",
               "--disable-pip-version-check", "--no-index", "--no-cache-dir",
               "--find-links", str(work / "wheels"), "--only-binary", ":all:",
               "--require-hashes", "-r", str(work / "requirements.txt")]  # fmt: skip
        _run(pip, _BUILD_S)

    def _try(self, folder: Path) -> None:
        """With the real configuration, and with a copy of the database."""
        self._tell("trying it")
        mrk, data = str(folder / "bin/mrk"), str(self._paths.data)
        _run([mrk, "-d", data, "check-config"], _TRY_S)
        _run([mrk, "-d", data, "probe"], _TRY_S)

    def _copy_database(self) -> None:
        """For the older release, in case the newer one changes the schema and is given up."""
        file = self._paths.database / "mrk.db"
        if not file.exists():
            return
        part = file.with_name(f".{BEFORE_UPDATE}.part")
        part.unlink(missing_ok=True)
        copy_database(file, part)
        os.chmod(part, 0o600)
        sync(part)
        part.replace(file.with_name(BEFORE_UPDATE))


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive, mode="r:") as opened:
            members = opened.getmembers()
            check_members((member.name, member.isreg()) for member in members)
            (folder / "wheels").mkdir()
            for member in members:
                file = opened.extractfile(member)
                (folder / member.name).write_bytes(file.read() if file is not None else b"")
    except tarfile.TarError as exc:
        raise MrkError(f"the archive cannot be read: {exc}") from exc


def _run(argv: list[str], limit_s: float) -> None:
    """Run a step in this process's group, so that whoever ends the group ends the step."""
    environ = {k: v for k, v in os.environ.items() if k not in ("NOTIFY_SOCKET", "PYTHONPATH")}
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=environ, timeout=limit_s, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MrkError(f"{Path(argv[0]).name} did not end within {limit_s:.0f} s") from None
    if done.returncode:
        words = " ".join(Path(word).name for word in argv[:4])
        raise MrkError(f"{words}: {done.stdout.decode('utf-8', 'replace').strip()[-500:]}")
