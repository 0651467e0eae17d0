"""Where an upload goes, and how it gets there: whole, by a rename, or not at all.

The transport begins an upload with its names, and hands the destination the finished file.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from mrk.errors import ClientError
from mrk.files.file_protocols import UnpackedModel
from mrk.files.paths import RootPath, is_gcode, is_project, missing, package_model, within
from mrk.files.records import Action, Change, Item, Stat
from mrk.files.roots import Roots, require_writable
from mrk.gcode.binary.magic import MAGIC
from nurseries.files import disk_paths
from nurseries.files.changes.placement import Placement, stat_after
from nurseries.files.disk_paths import DiskPath
from nurseries.files.os_errors import refusal
from nurseries.files.watch.announcer import GCODES, Held


class FinishedUpload(msgspec.Struct, frozen=True):
    """A file in its place; `answer` is `item` and `action` as the API gives them.

    `sha256` is of the bytes that lie there, None when they were changed while that was found out.
    Call `announce` once the answer is sent; without it clients are told after a second.
    """

    answer: Change
    held: Held
    sha256: str | None

    @property
    def item(self) -> Item:
        """What is there now."""
        return self.answer.item

    def announce(self) -> None:
        """Tell all clients."""
        self.held.announce()


class UploadStore:
    """Takes uploads into roots; implements `UploadFiles`."""

    def __init__(self, placement: Placement, *, converts_binary: bool = False) -> None:
        self._placement = placement
        self._converts_binary = converts_binary

    def upload_folders(self) -> list[str]:
        """Where the writable roots are, gcodes first."""
        writable = [root for root in self._placement.roots if root.writable]
        return [root.real for root in sorted(writable, key=lambda root: root.name != GCODES)]

    async def begin_upload(self, root: str, folder: str, filename: str) -> "Destination":
        """Decide about an upload by its names; nothing is made. Raises `ClientError`."""
        placement = self._placement
        require_writable(placement.roots.get(root))
        base, name = within(root, folder), within(root, filename)
        if not name.parts or filename.endswith("/"):
            raise ClientError("The upload has no file name")
        asked = RootPath(root, (*base.parts, *name.parts))
        threads = placement.threads.of(root)
        path, place, closest = await threads.run(_find, placement.roots, asked)
        placement.require_unused(place)
        base = RootPath(root, path.parts[: len(base.parts)])
        return Destination(self, placement, base, path, str(closest))

    async def finish(self, temporary: Path, path: RootPath, sha256: str) -> FinishedUpload:
        """Put a complete file in place, and return when its metadata is known.

        An existing file is replaced, one that a link names too. On errors the temporary is gone.
        A package in gcodes becomes its model, unless it cannot be unpacked; a 3MF project stays
        beside the g-code of its plates.
        """
        placement = self._placement
        try:
            model_path = await self._model_path(temporary, path)
            model = None if model_path is None else await self._unpacked(temporary, model_path)
        except BaseException:
            placement.removal.discard(temporary)
            raise
        if model is None or model_path is None:
            return await self._placed(temporary, path, sha256)
        try:
            if is_project(path.name):
                await self._place_others(temporary, path, model.others)
                placement.told(await placement.put_in_place(temporary, path))
            else:
                placement.removal.discard(temporary)
        except BaseException:
            placement.removal.discard(temporary)
            placement.removal.discard(model.path)
            raise
        return await self._placed(model.path, model_path, None)

    async def _placed(self, temporary: Path, path: RootPath, sha256: str | None) -> FinishedUpload:
        change, digest = await self._placement.put_upload(temporary, path, sha256)
        # Also over an existing file: the word that clients know for uploads.
        answer = Change(Action.CREATE_FILE, change.item)
        return FinishedUpload(answer, self._placement.announcer.hold(answer), digest)

    async def _model_path(self, temporary: Path, path: RootPath) -> RootPath | None:
        """What the file is to become, None for what is what it should be."""
        if path.root != GCODES:
            return None
        found = package_model(path, binary=self._converts_binary)
        if found is not None or not self._converts_binary or not is_gcode(path.name):
            return found
        # Some slicers write binary g-code under the name of text.
        threads = self._placement.threads.of(GCODES)
        return path if await threads.run(_is_binary, temporary) else None

    async def _unpacked(self, temporary: Path, model_path: RootPath) -> UnpackedModel | None:
        """Before anybody sees the package: what is announced is the model alone."""
        placement = self._placement
        # Its thumbnails would replace those of a print under way.
        placement.require_unused(await placement.find(model_path))
        return await placement.metadata.unpack(temporary, model_path.path)

    async def _place_others(self, project: Path, path: RootPath, plates: Sequence[int]) -> None:
        """Further plates, under names of their own; one that is being printed stays as it is."""
        placement = self._placement
        for plate in plates:
            target = package_model(path, plate=plate)
            assert target is not None
            with suppress(ClientError):
                placement.require_unused(await placement.find(target))
                model = await placement.metadata.unpack(project, target.path, plate)
                if model is not None:
                    placement.told(await placement.put_in_place(model.path, target))


class Destination:
    """One upload's place; implements `UploadDestination`."""

    def __init__(
        self, store: UploadStore, placement: Placement, base: RootPath, path: RootPath, folder: str
    ) -> None:
        self.folder = folder
        self.path = path
        self._store = store
        self._placement = placement
        self._base = base

    async def prepare(self) -> str:
        """Make the folders that the upload names beside its file name and that are missing."""
        found = await self._existing_folder()
        if found is None:
            for depth in range(1, len(self._base.parts) + 1):
                await self._make_folder(RootPath(self.path.root, self._base.parts[:depth]))
            found = await self._existing_folder()
        if found is None:
            raise missing("Directory", self.path.parent)
        return str(found)

    async def store(self, temporary: str, sha256: str) -> FinishedUpload:
        """Put a complete file in place."""
        return await self._store.finish(Path(temporary), self.path, sha256)

    async def _existing_folder(self) -> Path | None:
        placement = self._placement
        threads = placement.threads.of(self.path.root)
        place, folder = await threads.run(_existing, placement.roots, self.path)
        placement.require_unused(place)
        return folder

    async def _make_folder(self, path: RootPath) -> None:
        placement = self._placement
        async with placement.trees.changing(path.root):
            place = await placement.find(path)
            if place.stat is not None:
                return
            made = await placement.threads.of(path.root).run(_make, placement.roots, place)
            placement.trees.put(path, made)
        item = Item.of(path, made, place.root.writable)
        placement.told(Change(Action.CREATE_DIR, item))


def _is_binary(file: Path) -> bool:
    with open(file, "rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def _find(roots: Roots, asked: RootPath) -> tuple[RootPath, DiskPath, Path]:
    """In a thread: the file's path, what is there, and the closest folder that exists."""
    path = disk_paths.find_new_path(roots, asked)
    place = disk_paths.find(roots, path, write=True)
    return path, place, _closest_folder(place)


def _existing(roots: Roots, path: RootPath) -> tuple[DiskPath, Path | None]:
    """In a thread: what is at `path` now, and its folder if that exists."""
    place = disk_paths.find(roots, path, write=True)
    folder = _folder(place)
    return place, folder if folder.is_dir() else None


def _folder(place: DiskPath) -> Path:
    """Where the file is to be, which may be missing; through a link to a file that stays."""
    if place.is_folder:
        raise ClientError(f"{place.path} is a folder")
    linked = place.stat is not None and place.stat.is_link
    return (place.real if linked else place.disk).parent


def _closest_folder(place: DiskPath) -> Path:
    """In a thread: on the file system where missing folders would be made."""
    folder = _folder(place)
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _make(roots: Roots, place: DiskPath) -> Stat:
    try:
        place.disk.mkdir(exist_ok=True)
    except OSError as error:
        raise refusal(error, f"{place.path} could not be created") from error
    return stat_after(roots, place.path)
