"""server.files.zip: written in a thread under a temporary name, put in place when complete."""

import itertools
from pathlib import Path

from mrk.errors import ClientError
from mrk.files.paths import RootPath
from mrk.files.records import Action, Change, ZipAnswer
from mrk.files.roots import Roots, require_writable
from mrk.files.temporary import Purpose
from nurseries.files import disk_paths
from nurseries.files.changes import zipping
from nurseries.files.changes.placement import Placement
from nurseries.files.changes.removal import fresh_name
from nurseries.files.os_errors import refusal


class Archives:
    """Makes archives."""

    def __init__(self, placement: Placement) -> None:
        self._placement = placement
        self._unfinished: set[str] = set()  # made-up names of archives that are being written

    async def make_named(self, stem: str, items: list[str], store_only: bool) -> ZipAnswer:
        """Write an archive under a name of ours: `stem.zip`, or `stem-1.zip` if that is taken."""
        stems = itertools.chain([stem], (f"{stem}-{number}" for number in itertools.count(1)))
        for name in stems:
            dest = f"{name}.zip"
            if dest in self._unfinished:
                continue
            self._unfinished.add(dest)
            try:
                if await self._is_free(dest):
                    return await self.make(dest, items, store_only)
            finally:
                self._unfinished.discard(dest)
        raise AssertionError("the names never end")

    async def _is_free(self, dest: str) -> bool:
        _root, path = self._placement.roots.locate(dest)
        return (await self._placement.find(path)).stat is None

    async def make(self, dest_text: str, items: list[str], store_only: bool) -> ZipAnswer:
        """Write an archive; one that is there is replaced. Raises `ClientError`."""
        placement = self._placement
        roots = placement.roots
        root, dest = roots.locate(dest_text)
        require_writable(root)
        dest = await placement.find_new_path(dest)
        if not items:
            raise ClientError("No items were given")
        wanted = [roots.locate(item)[1] for item in items]
        temporary = await placement.threads.of(dest.root).run(_temporary, roots, dest)
        threads = placement.threads.of(dest.root, *(item.root for item in wanted))
        try:
            write = zipping.write_zip
            await threads.run(write, roots, wanted, temporary, store_only=store_only)
        except OSError as error:
            raise refusal(error, f"{dest} could not be written") from error
        change = await placement.put_in_place(temporary, dest)
        placement.told(Change(Action.CREATE_FILE, change.item))
        return ZipAnswer(change.item)


def _temporary(roots: Roots, dest: RootPath) -> Path:
    place = disk_paths.find(roots, dest, write=True)
    if place.is_folder or not place.disk.parent.is_dir():
        raise ClientError(f"{dest} is a folder, or the folder it should be in is missing")
    return fresh_name(place.disk.parent, Purpose.ZIP)
