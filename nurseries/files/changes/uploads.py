"""Where an upload goes, and how it gets there: whole, by a rename, or not at all.

Used by whoever receives files; they write `UploadTarget.temporary()` and call `finish`.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from mrk.errors import ClientError
from mrk.files.file_protocols import UnpackedModel
from mrk.files.paths import RootPath, is_gcode, is_project, package_model, within
from mrk.files.records import Action, Change, Item, Stat
from mrk.files.roots import Roots, require_writable
from mrk.files.temporary import Purpose
from mrk.gcode.binary.blocks import MAGIC
from nurseries.files.changes.placement import Placement, stat_after
from nurseries.files.changes.removal import fresh_name
from nurseries.files.disk_paths import DiskPath
from nurseries.files.os_errors import refusal
from nurseries.files.watch.announcer import GCODES, Held


class UploadTarget(msgspec.Struct, frozen=True):
    """Where a file will be. `folder` holds it, and its temporary files until then."""

    path: RootPath
    folder: Path

    def temporary(self, purpose: Purpose = Purpose.UPLOAD) -> Path:
        """A name for an unfinished file that nobody else uses; hidden, swept at the next start."""
        return fresh_name(self.folder, purpose)


class FinishedUpload(msgspec.Struct, frozen=True):
    """A file in its place; `answer` is `item` and `action` as the API gives them.

    Call `announce` once the answer is sent; without it clients are told after a second.
    """

    answer: Change
    held: Held

    @property
    def item(self) -> Item:
        """What is there now."""
        return self.answer.item

    def announce(self) -> None:
        """Tell all clients."""
        self.held.announce()


class UploadStore:
    """Takes uploads into roots; methods raise `ClientError`."""

    def __init__(self, placement: Placement, *, converts_binary: bool = False) -> None:
        self._placement = placement
        self._converts_binary = converts_binary

    async def target(self, root: str, folder: str, filename: str) -> UploadTarget:
        """Judge an upload by its names, before its first byte is stored.

        `folder`, relative to the root, is made when missing; folders within `filename` must be
        there. 400: no name, no root, read-only; 403: reserved, or being printed.
        """
        placement = self._placement
        base, path = await self._paths(root, folder, filename)
        placement.require_unused(await placement.find(path))
        for depth in range(1, len(base.parts) + 1):
            await self._make_folder(RootPath(root, base.parts[:depth]))
        place = await placement.find(path)
        if place.is_folder:
            raise ClientError(f"{path} is a folder")
        return UploadTarget(path, await placement.threads.run(_folder_of, place))

    async def judge(self, root: str, folder: str, filename: str) -> Path:
        """The judgement alone: nothing is made. Returns the closest folder that is there."""
        placement = self._placement
        _base, path = await self._paths(root, folder, filename)
        place = await placement.find(path)
        placement.require_unused(place)
        return await placement.threads.run(_closest_folder, place)

    async def _paths(self, root: str, folder: str, filename: str) -> tuple[RootPath, RootPath]:
        """The folder that is made when missing, and the file."""
        require_writable(self._placement.roots.get(root))
        base, name = within(root, folder), within(root, filename)
        if not name.parts or filename.endswith("/"):
            raise ClientError("The upload has no file name")
        path = await self._placement.find_new_path(RootPath(root, (*base.parts, *name.parts)))
        return RootPath(root, path.parts[: len(base.parts)]), path

    async def _make_folder(self, path: RootPath) -> None:
        placement = self._placement
        async with placement.trees.changing():
            place = await placement.find(path)
            if place.stat is not None:
                return
            made = await placement.threads.run(_make, placement.roots, place)
            placement.trees.put(path, made)
        item = Item.of(path, made, place.root.writable)
        placement.told(Change(Action.CREATE_DIR, item))

    async def finish(self, temporary: Path, target: UploadTarget) -> FinishedUpload:
        """Put a complete file in place, and return when its metadata is known.

        An existing file is replaced, one that a link names too. On errors the temporary is gone.
        A package in gcodes becomes its model, unless it cannot be unpacked; a 3MF project stays
        beside the g-code of its plates.
        """
        placement = self._placement
        model_path = await self._model_path(temporary, target.path)
        model = None
        if model_path is not None:
            model = await self._unpacked(temporary, model_path)
        if model is None or model_path is None:
            return await self._placed(temporary, target.path)
        try:
            if is_project(target.path.name):
                await self._place_others(temporary, target.path, model.others)
                placement.told(await placement.put_in_place(temporary, target.path))
            else:
                placement.removal.discard(temporary)
        except BaseException:
            placement.removal.discard(model.path)
            raise
        return await self._placed(model.path, model_path)

    async def _placed(self, temporary: Path, path: RootPath) -> FinishedUpload:
        change = await self._placement.put_in_place(temporary, path, through_link=True)
        # Also over an existing file: the word that clients know for uploads.
        answer = Change(Action.CREATE_FILE, change.item)
        return FinishedUpload(answer, self._placement.announcer.hold(answer))

    async def _model_path(self, temporary: Path, path: RootPath) -> RootPath | None:
        """What the file is to become, None for what is what it should be."""
        if path.root != GCODES:
            return None
        found = package_model(path, binary=self._converts_binary)
        if found is not None or not self._converts_binary or not is_gcode(path.name):
            return found
        # Some slicers write binary g-code under the name of text.
        return path if await self._placement.threads.run(_is_binary, temporary) else None

    async def _unpacked(self, temporary: Path, model_path: RootPath) -> UnpackedModel | None:
        """Before anybody sees the package: what is announced is the model alone."""
        placement = self._placement
        try:
            # Its thumbnails would replace those of a print under way.
            placement.require_unused(await placement.find(model_path))
            return await placement.metadata.unpack(temporary, model_path.path)
        except BaseException:
            placement.removal.discard(temporary)
            raise

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


def _is_binary(file: Path) -> bool:
    with open(file, "rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def _folder_of(place: DiskPath) -> Path:
    """In a thread: the folder on whose file system the file will be."""
    linked = place.stat is not None and place.stat.is_link
    folder = (place.real if linked else place.disk).parent
    if not folder.is_dir():
        raise ClientError(f"There is no folder {place.path.parent}")
    return folder


def _closest_folder(place: DiskPath) -> Path:
    """In a thread: on the file system where missing folders would be made."""
    if place.is_folder:
        raise ClientError(f"{place.path} is a folder")
    linked = place.stat is not None and place.stat.is_link
    folder = (place.real if linked else place.disk).parent
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _make(roots: Roots, place: DiskPath) -> Stat:
    try:
        place.disk.mkdir(exist_ok=True)
    except OSError as error:
        raise refusal(error, f"{place.path} could not be created") from error
    return stat_after(roots, place.path)
