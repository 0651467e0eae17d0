"""The file manager: roots, listings, changes and who is told of them.

`serve` sweeps what an earlier run left, reads the writable roots, watches them and announces; it
returns only when cancelled. Blocking calls run in a few threads of its own.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import trio

from config.paths import Paths
from config.settings.file_manager import FileManagerSettings
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.errors import ClientError
from mrk.files.file_protocols import FileMetadata, InUse
from mrk.files.paths import RootPath, has_metadata
from mrk.files.records import Stat
from mrk.files.roots import Root, Roots
from mrk.files.tree import Folder, files_below
from mrk.klippy.klippy_protocols import KlippyFacts
from nurseries.files import disk
from nurseries.files.changes.archives import Archives
from nurseries.files.changes.operations import Operations
from nurseries.files.changes.placement import Placement
from nurseries.files.changes.removal import Removal, sweep
from nurseries.files.changes.uploads import UploadStore
from nurseries.files.data_roots import data_roots
from nurseries.files.disk_paths import find
from nurseries.files.downloads import DownloadOpener
from nurseries.files.endpoints import FileEndpoints
from nurseries.files.klipper_roots import KlipperRoots
from nurseries.files.listings import Listings
from nurseries.files.threads import FileSystems, RootThreads, Threads
from nurseries.files.watch.announcer import GCODES, FileAnnouncer
from nurseries.files.watch.folder_walk import walk_files
from nurseries.files.watch.inotify import InotifyWatches
from nurseries.files.watch.mounted_trees import MountedTrees

logger = logging.getLogger(__name__)
_PER_TURN = 500


class FileManager:
    """Files as clients see them. `program` is the folder of mrk itself, closed to clients.

    `uploads` and `downloads` are for the transport.
    """

    def __init__(
        self,
        paths: Paths,
        settings: FileManagerSettings,
        clients: Clients,
        klipper: KlippyFacts,
        metadata: FileMetadata,
        in_use: InUse,
        *,
        program: Path | None = None,
        wall_clock: Callable[[], float] = time.time,
        mount_of: Callable[[str], str] = disk.mount_of,
    ) -> None:
        self.warnings: list[str] = []
        self.roots = data_roots(paths, settings, program)
        self._settings = settings
        self._metadata = metadata
        systems = FileSystems(self.roots, mount_of)
        self._threads = RootThreads(systems)
        self._announcer = FileAnnouncer(clients, metadata, self._gcode_files_at)
        self._removal = Removal(Threads(1))
        self.trees = MountedTrees(
            self.roots, systems, self._threads, self._announcer.other, self._warn
        )
        placement = Placement(
            self.roots,
            self.trees,
            self._threads,
            self._announcer,
            self._removal,
            metadata,
            in_use,
        )
        self.uploads = UploadStore(placement, converts_binary=settings.convert_binary_gcode)
        self.downloads = DownloadOpener(self.roots)
        self._klipper_roots = KlipperRoots(
            self.roots,
            Threads(1),
            klipper,
            self._root_registered,
            self._warn_always if settings.check_klipper_config_path else None,
        )
        self._endpoints = FileEndpoints(
            self.roots,
            Listings(self.roots, self.trees, self._threads, metadata),
            Operations(placement),
            Archives(placement),
            placement,
            wall_clock,
        )

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return self._endpoints.endpoints()

    @property
    def registered_directories(self) -> list[str]:
        """Names of the roots, for server.info."""
        return self.roots.names

    def may_read(self, path: Path) -> bool:
        """`ReadableFiles.may_read`."""
        for root in self.roots:
            if path.is_relative_to(root.real):
                below = RootPath(root.name, path.relative_to(root.real).parts)
                with suppress(ClientError):
                    return find(self.roots, below, write=False).stat is not None
        return False

    # Life

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Watch and announce until cancelled; started when the roots have been read."""
        async with trio.open_nursery() as sweeping:
            for root in self.roots:
                if root.writable:
                    sweeping.start_soon(self._sweep, root, name=f"sweep of {root.name}")
        async with trio.open_nursery() as nursery:
            await nursery.start(self._announcer.serve, name="file announcements")
            nursery.start_soon(self._removal.serve, name="folder removal")
            if self._settings.file_system_observer != "none":
                await nursery.start(
                    self.trees.serve, self._open_watches, self._root_registered, name="file watcher"
                )
            nursery.start_soon(self._klipper_roots.serve, name="klipper's roots")
            nursery.start_soon(self._find_metadata, name="metadata at start")
            task_status.started()

    async def _sweep(self, root: Root) -> None:
        threads = self._threads.of(root.name)
        swept = await threads.run(sweep, [root.real], self.roots.reserved)
        if swept:
            logger.info("removed %d unfinished files of an earlier run", swept)

    @contextmanager
    def _open_watches(self) -> Iterator[InotifyWatches | None]:
        """A watcher, None when there is none left."""
        try:
            opened = InotifyWatches.open()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENOMEM):
                raise
            self._warn("fs.inotify.max_user_instances is too low: changes by others are not seen")
            yield None
            return
        with opened as watches:
            yield watches

    async def _find_metadata(self) -> None:
        """Have those g-code files scanned that changed while nobody watched; forget the others."""
        present = []
        for count, (path, stat) in enumerate(await self._gcode_files_at("")):
            if count % _PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            if not has_metadata(path):
                continue
            present.append(path)
            known = self._metadata.get(path)
            if known is None or (known.get("size"), known.get("modified")) != (
                stat.size,
                stat.modified,
            ):
                self._announcer.scans.add(path, None)
        await self._metadata.retain(present)

    async def _gcode_files_at(self, path: str) -> list[tuple[str, Stat]]:
        """Path and stat of the files at or below a path of the gcodes root."""
        parts = tuple(path.split("/")) if path else ()
        tree = self.trees.known(GCODES)
        if tree is None:
            threads = self._threads.of(GCODES)
            return await threads.run(_walk, self.roots, RootPath(GCODES, parts))
        found = tree.find(parts)
        if isinstance(found, Folder):
            return list(files_below(found, f"{path}/" if path else ""))
        return [] if found is None else [(path, found)]

    def _root_registered(self, root: Root) -> None:
        self._announcer.root_update(root.name, root.permissions)

    def _warn(self, text: str) -> None:
        """What the observer cannot do."""
        if self._settings.enable_observer_warnings:
            self._warn_always(text)

    def _warn_always(self, text: str) -> None:
        if text not in self.warnings:
            logger.warning("%s", text)
            self.warnings.append(text)


def _walk(roots: Roots, path: RootPath) -> list[tuple[str, Stat]]:
    """In a thread: path and stat of the files at or below a path."""
    try:
        place = find(roots, path, write=False)
    except ClientError:
        return []
    if place.stat is None or not place.is_folder:
        return [] if place.stat is None else [(path.path, place.stat)]
    prefix = f"{path.path}/" if path.parts else ""
    found = walk_files(str(place.real), roots.reserved)
    return [(prefix + name, stat) for name, stat in found]
