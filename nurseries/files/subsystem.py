"""Files as one subsystem: manager, metadata and scanner, none of which is worth anything alone.

`DiskFiles` is what jobs and transports see of it; its `serve` runs the three.
"""

import stat
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import trio

from config.paths import Paths
from config.settings.file_manager import FileManagerSettings
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import DatabasePort
from mrk.errors import ClientError
from mrk.estimate.estimate_protocols import FileTimes, PlannedFiles
from mrk.files.file_protocols import InUse
from mrk.files.paths import safe_parts
from mrk.files.records import Stat
from mrk.files.transfers import DownloadFiles, UploadFiles
from mrk.files.tree import Tree
from mrk.jobs.job_protocols import JobMetadata
from mrk.klippy.klippy_protocols import KlippyPort
from nurseries.files.data_roots import add_root
from nurseries.files.file_manager import FileManager
from nurseries.files.scan.estimator import WorkerEstimator
from nurseries.files.scan.followed_metadata import FollowedMetadata
from nurseries.files.scan.process import ScanLimits
from nurseries.files.scan.scanner import Scanner

GCODES = "gcodes"
PROGRAM = Path(__file__).parents[2]


class DiskFiles:
    """Manager, metadata and scanner on a real data folder; implements `FileSubsystem`."""

    def __init__(
        self,
        paths: Paths,
        settings: FileManagerSettings,
        clients: Clients,
        klippy: KlippyPort,
        database: DatabasePort,
        in_use: InUse,
    ) -> None:
        self._gcodes = paths.gcodes
        self._scanner = Scanner(ScanLimits(scan_s=settings.metadata_parser_s))
        self._metadata = FollowedMetadata(
            paths.gcodes, self._scanner, database, settings.enable_object_processing
        )
        self.followers = self._metadata.followers
        self._estimate_scanner = Scanner(ScanLimits())
        self.estimator = WorkerEstimator(self._estimate_scanner)
        self.processors = self._metadata.processors
        self._manager = FileManager(
            paths, settings, clients, klippy, self._metadata, in_use, program=PROGRAM
        )
        self.uploads: UploadFiles | None = self._manager.uploads
        self.downloads: DownloadFiles | None = self._manager.downloads
        # Of its own: a listing of the same folder may hold the manager's, as long as it stalls.
        self._one = trio.CapacityLimiter(1)
        self._is_read = False

    @property
    def metadata(self) -> JobMetadata:
        """Records of g-code files."""
        return self._metadata

    @property
    def planned(self) -> PlannedFiles | None:
        """These files, for who plans them."""
        return self

    @property
    def times(self) -> FileTimes | None:
        """`PlannedFiles.times`."""
        return self._metadata.times

    def show_times(self, times: FileTimes) -> None:
        """`PlannedFiles.show_times`."""
        self._metadata.times = times

    @property
    def registered_directories(self) -> list[str]:
        """Names of the roots."""
        return self._manager.registered_directories

    @property
    def warnings(self) -> list[str]:
        """What the user should know about folders and watching."""
        return self._manager.warnings

    def endpoints(self) -> list[Endpoint]:
        """server.files.*."""
        return self._manager.endpoints()

    def may_read(self, path: Path) -> bool:
        """`ReadableFiles.may_read`."""
        return self._manager.may_read(path)

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Scanner first, then what is known, then the manager, who compares it with the disk."""
        self._is_read = False
        async with trio.open_nursery() as nursery:
            await nursery.start(self._scanner.serve, name="metadata scanner")
            await nursery.start(self._estimate_scanner.serve, name="estimator")
            await nursery.start(self._metadata.serve, name="metadata")
            await nursery.start(self._manager.serve, name="files")
            self._is_read = True
            task_status.started()

    def add_root(self, name: str, path: Path, *, writable: bool) -> None:
        """A folder that clients see under a name; raises `ClientError`."""
        add_root(self._manager.roots, name, path, writable=writable)

    async def exists(self, path: str) -> bool:
        """Whether there is such a g-code file."""
        return await self.modified([path]) != [None]

    async def modified(self, paths: Sequence[str]) -> list[float | None]:
        """When g-code files were changed, in Unix seconds."""
        # Until all has been read a tree lacks files that are there.
        tree = self._manager.trees.known(GCODES) if self._is_read else None
        if tree is None:
            look = partial(_modified, self._gcodes, list(paths))
            return await trio.to_thread.run_sync(look, limiter=self._one, abandon_on_cancel=True)
        await trio.lowlevel.checkpoint()
        return [_modified_in(tree, path) for path in paths]


def _modified_in(tree: Tree, path: str) -> float | None:
    # Not by pathlib: a history asks for thousands of names.
    found = tree.find(tuple(path.split("/")))
    return found.modified if isinstance(found, Stat) and not found.is_folder else None


def _modified(gcodes: Path, paths: list[str]) -> list[float | None]:
    """The same from the disk; blocks."""
    return [_modified_on(gcodes, path) for path in paths]


def _modified_on(gcodes: Path, path: str) -> float | None:
    try:
        status = gcodes.joinpath(*safe_parts(path)).stat()
    except (ClientError, OSError, ValueError):
        return None
    return status.st_mtime if stat.S_ISREG(status.st_mode) else None
