"""What a generation needs of files: a data folder gives the real ones, fixtures a dictionary."""

from collections.abc import Callable
from typing import Protocol

import trio

from config.paths import Paths
from config.settings.file_manager import FileManagerSettings
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import DatabasePort
from mrk.estimate.estimate_protocols import PlannedFiles
from mrk.files.file_protocols import FileFollower, FileRoots, InUse, ReadableFiles
from mrk.files.transfers import DownloadFiles, UploadFiles
from mrk.gcode.processors import GcodeProcessor
from mrk.jobs.job_protocols import JobMetadata, PrintedFiles
from mrk.klippy.klippy_protocols import KlippyPort
from nurseries.files.subsystem import DiskFiles


class FileSubsystem(PrintedFiles, ReadableFiles, FileRoots, Protocol):
    """Files, as the rest of a generation needs them."""

    followers: list[FileFollower]
    # What changes new g-code files.
    processors: list[GcodeProcessor]

    @property
    def metadata(self) -> JobMetadata: ...

    @property
    def planned(self) -> PlannedFiles | None:
        """None where there is no disk."""

    # None where nothing can be uploaded or downloaded.
    uploads: UploadFiles | None
    downloads: DownloadFiles | None

    @property
    def registered_directories(self) -> list[str]:
        """Names of the roots: the same list always, which may grow."""
        ...

    @property
    def warnings(self) -> list[str]:
        """What the user should read: the same list always, which may grow."""
        ...

    def endpoints(self) -> list[Endpoint]: ...

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None: ...


MakeFiles = Callable[[FileManagerSettings, Clients, KlippyPort, DatabasePort, InUse], FileSubsystem]


def made_on(paths: Paths) -> MakeFiles:
    """The files of a data folder."""

    def make(
        settings: FileManagerSettings,
        clients: Clients,
        klippy: KlippyPort,
        database: DatabasePort,
        in_use: InUse,
    ) -> FileSubsystem:
        return DiskFiles(paths, settings, clients, klippy, database, in_use)

    return make
