"""Makes the items: the built-in ones and one for each section."""

from collections.abc import Callable

from config.settings.update_items import UpdateItemSettings
from mrk.http.client import HttpRequests
from mrk.updates.item import UpdateItem
from mrk.updates.update_errors import UpdateRefused
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.download import Downloader
from nurseries.update_manager.executable_update import ExecutableUpdate
from nurseries.update_manager.git_change import LOCK_S
from nurseries.update_manager.git_item import GitItem
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.python_item import PythonItem
from nurseries.update_manager.release_item import ReleaseItem
from nurseries.update_manager.release_update import ReleaseUpdate
from nurseries.update_manager.requirements import Dependencies, PackageInstaller


class ItemMaker:
    """What items need of the outside. `packages` None: the system's are not managed here."""

    def __init__(
        self,
        runner: ChildRunner,
        github: GitHub,
        downloader: Downloader,
        http: HttpRequests,
        is_printing: Callable[[], bool],
        packages: PackageInstaller | None = None,
        *,
        debug: bool = False,
        lock_s: float = LOCK_S,
    ) -> None:
        self._debug = debug
        self._http = http
        self._lock_s = lock_s
        self._runner = runner
        self._github = github
        self._downloader = downloader
        self._is_printing = is_printing
        self._packages = packages

    def make(self, settings: UpdateItemSettings) -> UpdateItem:
        """The item that a section describes."""
        dependencies = Dependencies(settings.dependencies, self._runner, self._packages)
        if settings.type == "git_repo":
            return GitItem(
                settings,
                self._runner,
                dependencies,
                self._http,
                self._check_print,
                debug=self._debug,
                lock_s=self._lock_s,
            )
        if settings.type == "python":
            return PythonItem(
                settings, self._runner, self._github, self._packages, self._check_print
            )
        assert settings.path is not None
        if settings.type == "executable":
            executable = ExecutableUpdate(
                settings.path, self._downloader, dependencies, self._check_print
            )
            return ReleaseItem(settings, self._github, executable)
        folder = ReleaseUpdate(
            settings.path,
            settings.type,
            settings.persistent_files,
            self._downloader,
            dependencies,
            self._check_print,
        )
        return ReleaseItem(settings, self._github, folder)

    def _check_print(self) -> None:
        """A print that began while the new version was made ends the update."""
        if self._is_printing():
            raise UpdateRefused("A print has begun: nothing was changed", 503)
