"""The trees of all roots: a `LiveTrees` for each file system, so that one that stalls stalls alone.

A rename never leads from one mounted file system to another, so what inotify tells of one of them
belongs to no other. `changing` takes locks in the order of mount points; nobody takes them twice.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

import trio

from mrk.files.paths import RootPath
from mrk.files.records import Stat
from mrk.files.roots import Root, Roots
from mrk.files.tree import Tree
from nurseries.files.threads import FileSystems, RootThreads
from nurseries.files.watch.inotify import InotifyWatches
from nurseries.files.watch.kept_trees import Tell
from nurseries.files.watch.live_trees import LiveTrees

OpenWatches = Callable[[], AbstractContextManager[InotifyWatches | None]]


class MountedTrees:
    """Has what `LiveTrees` has, for every root."""

    def __init__(
        self,
        roots: Roots,
        systems: FileSystems,
        threads: RootThreads,
        tell: Tell,
        warn: Callable[[str], None],
    ) -> None:
        self._roots = roots
        self._systems = systems
        self._threads = threads
        self._tell = tell
        self._warn = warn
        self._trees: dict[str, LiveTrees] = {}

    def _of(self, root: str) -> LiveTrees:
        system = self._systems.of(root)
        if system not in self._trees:
            self._trees[system] = LiveTrees(
                self._roots,
                self._threads.of(root),
                self._tell,
                self._warn,
                lambda root: self._systems.of(root.name) == system,
            )
        return self._trees[system]

    async def serve(
        self,
        open_watches: OpenWatches,
        returned: Callable[[Root], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Keep the writable roots true until cancelled; `started` when all are read."""
        groups = {self._systems.of(root.name): root.name for root in self._roots if root.writable}
        async with trio.open_nursery() as nursery:
            async with trio.open_nursery() as starting:
                for system, root in groups.items():
                    serve = partial(self._serve_one, self._of(root), open_watches, returned)
                    start = partial(nursery.start, serve, name=f"files on {system}")
                    starting.start_soon(start)
            task_status.started()

    async def _serve_one(
        self,
        trees: LiveTrees,
        open_watches: OpenWatches,
        returned: Callable[[Root], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        with open_watches() as watches:
            if watches is None:
                task_status.started()
                return
            await trees.serve(watches, returned, task_status=task_status)

    # For those who read

    def known(self, root: str) -> Tree | None:
        """The root's tree as it is now, None when it is not kept."""
        return self._of(root).known(root)

    async def current(self, root: str) -> Tree | None:
        """The root's tree after all that has happened until now; None when it is not kept."""
        return await self._of(root).current(root)

    # For those who change files

    @asynccontextmanager
    async def changing(self, *roots: str) -> AsyncIterator[None]:
        """Hold the locks of roots with true trees; new folders are read before they are given
        back."""
        systems = {self._systems.of(root): root for root in roots}
        async with AsyncExitStack() as held:
            for system in sorted(systems):
                await held.enter_async_context(self._of(systems[system]).changing())
            yield

    def put(self, path: RootPath, stat: Stat, *, announce: bool = True) -> None:
        """A file or folder was made; `announce` what is found in a new folder."""
        self._of(path.root).put(path, stat, announce=announce)

    def remove(self, path: RootPath) -> None:
        """A file or folder is gone."""
        self._of(path.root).remove(path)

    def move(self, source: RootPath, dest: RootPath, stat: Stat) -> None:
        """A file or folder was renamed."""
        if self._of(source.root) is self._of(dest.root):
            self._of(source.root).move(source, dest, stat)
            return
        # On one file system all the same, to which links of both roots lead.
        self.remove(source)
        self.put(dest, stat, announce=False)
