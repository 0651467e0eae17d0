"""An item of type python: a package in an environment, from an index or from GitHub.

`PythonItem` is driven by the update manager, one call at a time, and runs no task. pip works in a
copy of the environment, which then takes its place.
"""

from collections.abc import Iterable
from pathlib import Path, PurePath

import msgspec
import trio

from config.settings.update_items import UpdateItemSettings
from mrk.updates.item import Tell
from mrk.updates.python_package import (
    AVAILABLE,
    InstalledPackage,
    PackageFacts,
    PackageRollback,
    facts_of,
    is_newer,
    normalized,
    reported_version,
    short_version,
)
from mrk.updates.statuses import PythonStatus
from mrk.updates.update_errors import UpdateFailed, UpdateRefused
from mrk.updates.versions import UNKNOWN
from nurseries.update_manager.child import ChildRunner
from nurseries.update_manager.configured_item import ConfiguredItem
from nurseries.update_manager.environment import PythonEnvironment
from nurseries.update_manager.github import GitHub
from nurseries.update_manager.release_update import CheckPrint
from nurseries.update_manager.requirements import (
    PackageInstaller,
    install_packages,
    wanted_packages,
)

_INFO_NAME = "release_info"
_MOST_CHARS = 64 * 1024


class PythonItem(ConfiguredItem[PackageFacts]):
    """Implements `UpdateItem`."""

    def __init__(
        self,
        settings: UpdateItemSettings,
        runner: ChildRunner,
        github: GitHub,
        packages: PackageInstaller | None,
        check_print: CheckPrint,
    ) -> None:
        needs = settings.dependencies
        assert needs.virtualenv is not None
        super().__init__(settings, PackageFacts())
        self._runner = runner
        self._github = github
        self._packages = packages
        self._check_print = check_print
        self._environment = PythonEnvironment(runner, needs.virtualenv, needs.pip_environment)

    @property
    def prefix(self) -> str:
        return f"Python Package {self._settings.name}"

    # What is known

    def status(self) -> PythonStatus:
        settings, facts = self._settings, self.facts
        warnings = () if facts.problem is None else (facts.problem,)
        return PythonStatus(
            channel=settings.channel,
            debug_enabled=False,
            channel_invalid=settings.choices.channel_invalid,
            is_valid=facts.problem is None and facts.version != UNKNOWN,
            info_tags=settings.info_tags,
            name=settings.name,
            branch=settings.primary_branch or None,
            owner=facts.owner,
            repo_name=facts.repo_name,
            version=facts.short,
            remote_version=short_version(facts.remote_version),
            rollback_version=short_version(facts.rollback.version) if facts.rollback else UNKNOWN,
            current_hash=facts.current_hash,
            remote_hash=facts.remote_hash,
            is_dirty=False,
            changelog_url=facts.changelog_url,
            full_version_string=facts.version,
            pristine=True,
            warnings=(*warnings, *facts.messages),
        )

    # Looking

    async def refresh(self) -> bool:
        """What cannot be found out is told, and what was known of the remote stays."""
        before = self.facts
        await self.look()
        if self.facts.problem is not None:
            return True
        try:
            self.facts = await self._with_remote(self.facts)
        except UpdateFailed as exc:
            self._keep_remote(before, (str(exc),))
            return False
        return True

    async def reread(self) -> None:
        before = self.facts
        await self.look()
        if self.facts.problem is None:
            self._keep_remote(before, before.messages)

    def _keep_remote(self, before: PackageFacts, messages: tuple[str, ...]) -> None:
        facts = msgspec.structs.replace(
            self.facts,
            remote_version=before.remote_version,
            remote_hash=before.remote_hash,
            remote_reference=before.remote_reference,
            messages=messages,
        )
        if before.remote_hash == AVAILABLE:
            facts = self._compared(facts, before.remote_version, before.remote_reference)
        self.facts = facts

    async def look(self) -> None:
        """Read what is installed."""
        problem = await self._environment.problem()
        if problem is None:
            found = await trio.to_thread.run_sync(
                installed_package, self._environment.path, self._settings.project
            )
            if found is not None:
                self.facts = facts_of(found, self.facts)
                return
            problem = f"{self._settings.project} is not installed in {self._environment.path}"
        self.facts = msgspec.structs.replace(self.facts, problem=problem, version=UNKNOWN)

    async def _with_remote(self, facts: PackageFacts) -> PackageFacts:
        if facts.source == "index":
            version = await self._indexed(facts)
            return self._compared(facts, version, None)
        branch = self._settings.primary_branch or None
        if self._settings.channel == "dev":
            commit = await self._github.newest_commit(facts.owner, facts.repo_name, branch)
            version = facts.version if commit == facts.current_hash else UNKNOWN
            return msgspec.structs.replace(
                facts, remote_version=version, remote_hash=commit, remote_reference=branch
            )
        release = await self._github.newest_release(
            facts.owner, facts.repo_name, self._settings.channel
        )
        return self._compared(facts, release.tag_name, release.tag_name)

    def _compared(self, facts: PackageFacts, version: str, reference: str | None) -> PackageFacts:
        newer = is_newer(version, facts.version)
        return msgspec.structs.replace(
            facts,
            remote_version=version,
            remote_hash=AVAILABLE if newer else facts.current_hash,
            remote_reference=reference,
        )

    async def _indexed(self, facts: PackageFacts) -> str:
        """The newest version that an index has for this environment."""
        name = self._settings.project
        options = ["install", "-U", "--quiet", *self._pre(), "--dry-run", "--no-deps"]
        command = self._environment.pip(self._environment.path, [*options, "--report", "-", name])
        result = await self._runner.check(command)
        try:
            return reported_version(result.out, name) or facts.version
        except ValueError as exc:
            raise UpdateFailed(str(exc)) from exc

    def _pre(self) -> list[str]:
        return [] if self._settings.channel == "stable" else ["--pre"]

    # Changing

    async def update(self, tell: Tell) -> bool:
        await self.look()
        if self.facts.problem is not None:
            raise UpdateRefused(f"Update aborted, {self.facts.problem}")
        self.facts = await self._with_remote(self.facts)
        if not self.facts.is_behind:
            return False
        before = self.facts
        reference = before.version if before.source == "index" else before.current_hash
        await self._install(None, tell)
        place = PackageRollback(before.version, reference)
        self.facts = msgspec.structs.replace(self.facts, rollback=place)
        return True

    async def _install(self, reference: str | None, tell: Tell) -> None:
        """Into a copy, which takes the environment's place; raises `UpdateFailed`."""
        before, switch = self.facts, self._environment.switch
        await self._environment.prepare(self._arguments(reference), None, tell)
        done = False
        try:
            await self._install_packages(before, tell)
            self._check_print()
            tell("Putting the new version in place...")
            await trio.to_thread.run_sync(switch.put)
            done = True
        except OSError as exc:
            text = f"{self._environment.path} cannot be replaced: {exc.strerror}"
            raise UpdateFailed(text) from exc
        finally:
            if not done:
                with trio.move_on_after(10, shield=True):
                    await trio.to_thread.run_sync(switch.take_back)
        await self.look()
        self.facts = msgspec.structs.replace(
            self.facts,
            remote_version=before.remote_version if reference is None else self.facts.version,
            remote_hash=self.facts.current_hash,
        )

    def _arguments(self, reference: str | None) -> list[str]:
        settings, facts = self._settings, self.facts
        extras = f"[{','.join(settings.extras)}]" if settings.extras else ""
        name = f"{settings.project}{extras}"
        if facts.source == "index":
            wanted = name if reference is None else f"{name}=={reference}"
            return ["-U", "--upgrade-strategy", "eager", *self._pre(), wanted]
        place = reference or facts.remote_reference
        at = f"@{place}" if place else ""
        url = f"git+https://github.com/{facts.owner}/{facts.repo_name}{at}"
        return ["-U", "--upgrade-strategy", "eager", *self._pre(), f"{name} @ {url}"]

    async def _install_packages(self, before: PackageFacts, tell: Tell) -> None:
        """Packages of the system that the version in the copy needs."""
        found = await trio.to_thread.run_sync(
            installed_package, self._environment.switch.new, self._settings.project
        )
        if found is None:
            raise UpdateFailed(f"{self._settings.project} is not in the new environment")
        after = facts_of(found, before)
        if (after.version, after.current_hash) == (before.version, before.current_hash):
            # pip keeps an older version rather than to fail.
            raise UpdateFailed(
                f"pip kept {before.version}: what the new version needs is not to be had"
            )
        known = await wanted_packages(before.system_dependencies)
        wanted = await wanted_packages(after.system_dependencies)
        new = tuple(name for name in wanted if name not in known)
        if new:
            await install_packages(self._packages, new, tell)

    async def recover(self, tell: Tell, *, hard: bool, update_dependencies: bool) -> None:
        raise UpdateRefused(f"{self.name} is not a git repository; there is nothing to recover")

    async def rollback(self, tell: Tell) -> bool:
        wanted = self.facts.rollback
        await self.look()
        if wanted is None or self.facts.version == wanted.version:
            return False
        if self.facts.problem is not None:
            raise UpdateRefused(f"Rollback aborted, {self.facts.problem}")
        await self._install(wanted.reference, tell)
        return True

    async def keep(self) -> None:
        await trio.to_thread.run_sync(self._environment.switch.finish)

    async def revert(self, tell: Tell) -> None:
        await trio.to_thread.run_sync(self._environment.switch.take_back)
        await self.look()

    async def resume(self) -> str | None:
        return await trio.to_thread.run_sync(self._environment.switch.resume)


def installed_package(environment: Path, project: str) -> InstalledPackage | None:
    """What is installed under a name; blocks for small files."""
    # Imported when it is needed: it brings the parsers of e-mail.
    import importlib.metadata

    folders = [str(path) for path in environment.glob("lib/python3*/site-packages")]
    for found in importlib.metadata.distributions(path=folders):
        if normalized(found.metadata["Name"] or "") == normalized(project):
            return InstalledPackage(
                found.version,
                found.read_text("direct_url.json"),
                tuple(found.metadata.get_all("Project-URL") or ()),
                _release_info(found.files or (), environment),
            )
    return None


def _release_info(files: Iterable[PurePath], environment: Path) -> str | None:
    for file in files:
        if file.stem == _INFO_NAME:
            for found in environment.glob(f"lib/python3*/site-packages/{file}"):
                with found.open(errors="replace") as opened:
                    return opened.read(_MOST_CHARS)
    return None
