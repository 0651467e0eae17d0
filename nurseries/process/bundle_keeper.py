"""Has the bundle of modules written for the next start, when this one would have used another.

An optional part of the process, which it runs beside its generations; ends when cancelled. Where
Python writes no byte code, or the folder of mrk belongs to somebody else, starts stay as they are.
"""

import logging
import sys
from collections.abc import Callable, Mapping
from importlib.machinery import SourceFileLoader
from types import ModuleType

import trio

from mrk.machine.host_commands import CommandUnavailable, FedCommands
from nurseries.process.module_bundle import PACKAGES, BundledLoader

logger = logging.getLogger(__name__)
# It has to look for modules where this process does.
_FLAGS = (*("-s",) * sys.flags.no_user_site, *("-E",) * sys.flags.ignore_environment)
COMMAND = (sys.executable, *_FLAGS, "-P", "-m", "nurseries.process.bundle_writer")
# What an optional part loads late differs from start to start; a few files are no cost.
FEW = 20
# Behind the start, which has better things to do.
DELAY_S = 10.0
_WRITTEN_S = 120.0


class BundleKeeper:
    """`modules` are those that are loaded; `writes` says whether Python writes byte code."""

    def __init__(
        self,
        commands: FedCommands,
        modules: Callable[[], Mapping[str, ModuleType]] = lambda: sys.modules.copy(),
        *,
        writes: bool = not sys.dont_write_bytecode,
    ) -> None:
        self._commands = commands
        self._modules = modules
        self._writes = writes

    async def serve(self) -> None:
        """Look once."""
        await trio.sleep(DELAY_S)
        names, missed = _sources(self._modules())
        if self._writes and missed > FEW:
            await self._write(names)
        await trio.sleep_forever()

    async def _write(self, names: list[str]) -> None:
        with trio.move_on_after(_WRITTEN_S):
            try:
                done = await self._commands.run(COMMAND, "\n".join(names).encode())
            except CommandUnavailable as exc:
                logger.debug("the modules of a start are not bundled: %s", exc)
                return
            if done.status:
                said = done.stderr.decode(errors="replace").strip()
                logger.debug("the modules of a start are not bundled: %s", said)


def _sources(modules: Mapping[str, ModuleType]) -> tuple[list[str], int]:
    """Names of modules with a source, and how many of ours came from no bundle.

    Python has imported some of its own before the bundle is read.
    """
    names, missed = [], 0
    for name, module in modules.items():
        spec = getattr(module, "__spec__", None)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            names.append(name)
            ours = name.partition(".")[0] in PACKAGES
            missed += ours and not isinstance(spec.loader, BundledLoader)
    return names, missed
