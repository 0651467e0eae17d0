"""The roots that only Klipper knows of: its documents and sample configurations.

Run by the file manager's `serve`; learns where Klipper lies each time the printer connects.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from mrk.files.reserved import Permissions, ReservedPaths
from mrk.files.roots import Root, Roots
from mrk.klippy.events import Identified
from mrk.klippy.klippy_protocols import KlippyFacts
from nurseries.files.threads import Threads

_FOLDERS = (("config_examples", "config"), ("docs", "docs"))
# Klipper connects once in a while; each time the newest facts are read.
_EVENTS = 8


class KlipperRoots:
    """Registers `config_examples` and `docs`, and closes Klipper's source for writing.

    `registered` hears of each new root; `warn` of a printer.cfg that clients cannot reach.
    """

    def __init__(
        self,
        roots: Roots,
        threads: Threads,
        klipper: KlippyFacts,
        registered: Callable[[Root], None],
        warn: Callable[[str], None] | None,
    ) -> None:
        self._roots = roots
        self._threads = threads
        self._klipper = klipper
        self._registered = registered
        self._warn = warn

    async def serve(self) -> None:
        """Follow the link until cancelled."""
        with self._klipper.open_events("file roots", _EVENTS, Identified) as events:
            await self._learn(self._klipper.info)
            async for event in events:
                assert isinstance(event, Identified)
                await self._learn(event.info)

    async def _learn(self, info: Mapping[str, Any]) -> None:
        source, config = info.get("klipper_path"), info.get("config_file")
        if isinstance(source, str) and source.startswith("/"):
            for root in await self._threads.run(_source_roots, source):
                if self._roots.register(root):
                    self._registered(root)
            await self._threads.run(self._reserve, source)
        if isinstance(config, str) and config.startswith("/") and self._warn is not None:
            if not await self._threads.run(_is_below, config, self._roots.get("config").real):
                self._warn(
                    f"The printer's configuration {config} lies outside of the config root: "
                    "front ends cannot edit it"
                )
            self._warn = None  # said once

    def _reserve(self, source: str) -> None:
        real = os.path.realpath(source)
        if any(root.writable and _is_below(root.real, real) for root in self._roots):
            return  # somebody keeps the data folder in there
        old = self._roots.reserved
        places = {real: Permissions.READ, **old.places}
        self._roots.reserved = ReservedPaths(places, old.identities)


def _source_roots(source: str) -> list[Root]:
    roots = []
    for name, folder in _FOLDERS:
        path = os.path.join(source, folder)
        if os.path.isdir(path):
            roots.append(Root(name, path, os.path.realpath(path), writable=False))
    return roots


def _is_below(path: str, folder: str) -> bool:
    return (os.path.realpath(path) + "/").startswith(folder.rstrip("/") + "/")
