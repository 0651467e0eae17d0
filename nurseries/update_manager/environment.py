"""A Python environment that is changed beside: a copy gets the packages, then takes its place.

pip works in the copy, so that the environment that a service runs from is never half made; what
pip wrote into its scripts about the copy's place is put right before both change places.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import trio

from mrk.updates.item import Tell
from mrk.updates.update_errors import UpdateFailed
from mrk.updates.versions import package_version
from nurseries.update_manager.child import ChildCommand, ChildRunner
from nurseries.update_manager.folder_switch import FolderSwitch
from nurseries.update_manager.unpack import check_free_space

PIP_S = 1200.0
COPY_S = 900.0
_ASK_S = 60.0
_MOST_SCRIPT_BYTES = 1024 * 1024
# What new packages may take beside the copy.
_GROWTH_BYTES = 100 * 1024 * 1024
# Older ones tell nothing about what they would install.
_OLDEST_PIP = (23, 0)


class PythonEnvironment:
    """The environment in `path`; `variables` are set while pip runs."""

    def __init__(self, runner: ChildRunner, path: Path, variables: Mapping[str, str]) -> None:
        self._runner = runner
        self._variables = variables
        self.path = path
        self.switch = FolderSwitch(path)

    async def problem(self) -> str | None:
        """Why it is none."""
        path = trio.Path(self.path)
        marks = [path / "pyvenv.cfg", path / "bin" / "activate"]
        if not await (path / "bin" / "python").exists():
            return f"{self.path} has no bin/python"
        if not any([await mark.exists() for mark in marks]):
            return f"{self.path} is not a Python environment"
        return None

    async def prepare(self, arguments: Sequence[str], cwd: Path | None, tell: Tell) -> None:
        """Make a copy in which `pip install <arguments>` has succeeded; raises `UpdateFailed`.

        `switch` puts it in place. A failure leaves nothing behind.
        """
        problem = await self.problem()
        if problem is not None:
            raise UpdateFailed(problem)
        ready = False
        try:
            await trio.to_thread.run_sync(self._begin)
            await self.copy_to(self.switch.new, tell)
            await self.install(self.switch.new, arguments, cwd, tell)
            ready = True
        finally:
            if not ready:
                with trio.CancelScope(shield=True, deadline=trio.current_time() + 10):
                    await trio.to_thread.run_sync(self.switch.finish)

    def _begin(self) -> None:
        try:
            check_free_space(self.switch.path.parent, _size(self.path) + _GROWTH_BYTES)
            self.switch.begin()
        except OSError as exc:
            text = f"No copy of {self.path} can be made: {exc.strerror}"
            raise UpdateFailed(text) from exc

    async def copy_to(self, target: Path, tell: Tell) -> None:
        """Copy it, sharing blocks where the file system can."""
        tell(f"Copying the Python environment {self.path}...")
        await self._runner.check(
            ChildCommand(
                argv=["cp", "-a", "--reflink=auto", "--", str(self.switch.path), str(target)],
                shown="copying the environment",
                deadline_s=COPY_S,
            )
        )

    async def install(
        self, copy: Path, arguments: Sequence[str], cwd: Path | None, tell: Tell
    ) -> None:
        """Run pip in a copy that is going to stand in the environment's place."""
        await self._renew_pip(copy, tell)
        await self._runner.check(self.pip(copy, ["install", "--no-compile", *arguments], cwd), tell)
        await trio.to_thread.run_sync(_put_right, copy, self.path)

    def pip(
        self, environment: Path, arguments: Sequence[str], cwd: Path | None = None
    ) -> ChildCommand:
        """How pip is run in an environment."""
        return ChildCommand(
            argv=[str(environment / "bin" / "python"), "-m", "pip", *arguments],
            shown=f"pip {arguments[0]}",
            deadline_s=PIP_S,
            cwd=cwd,
            environment={
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_NO_INPUT": "1",
                "PYTHONNOUSERSITE": "1",
                "PYTHONPATH": "",
                "VIRTUAL_ENV": str(environment),
                **self._variables,
            },
        )

    async def _renew_pip(self, copy: Path, tell: Tell) -> None:
        """An old pip is replaced if that is possible; it may do all the same."""
        version = await trio.to_thread.run_sync(_pip_version, copy)
        if version is None or version >= _OLDEST_PIP:
            return
        tell(f"Updating pip, which is older than {'.'.join(map(str, _OLDEST_PIP))}...")
        renewed = await self._runner.run(self.pip(copy, ["install", "-U", "-q", "pip"]), tell)
        if renewed.status != 0:
            tell("pip stays as it is")


def _pip_version(environment: Path) -> tuple[int, ...] | None:
    """Read from the name of its metadata; None where it is not found."""
    for folder in environment.glob("lib/python3*/site-packages/pip-*.dist-info"):
        found = package_version(folder.name.removeprefix("pip-").removesuffix(".dist-info"))
        if found is not None:
            return found.release
    return None


def _size(path: Path) -> int:
    return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())


def _put_right(copy: Path, path: Path) -> None:
    """Scripts name the interpreter of the environment, not that of the copy."""
    before, after = str(copy).encode(), str(path).encode()
    for script in (copy / "bin").iterdir():
        if script.is_symlink() or not script.is_file():
            continue
        if script.stat().st_size > _MOST_SCRIPT_BYTES:
            continue
        content = script.read_bytes()
        if before in content:
            part = script.with_name(f".{script.name}.part")
            part.write_bytes(content.replace(before, after))
            shutil.copymode(script, part)
            part.replace(script)
