"""Gets what is to be attached: a webcam's picture, the print's thumbnail, a file, an address.

Owns no task; everything has its limit in time and size, and what cannot be had is left out with a
word: in the message's text for pictures, as a warning for files, whose path is a mistake of the
configuration.
"""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import trio

from mrk.files.file_protocols import ReadableFiles
from mrk.jobs.job_protocols import JobMetadata
from mrk.notifier.attachments import SNAPSHOT, THUMBNAIL, AttachmentKind, Wanted
from mrk.webcams.snapshots import NoSnapshot, Snapshots
from nurseries.notifier.sending.messages import Picture

FETCH_S = 2.0
THUMBNAIL_BYTES = 4 * 1024 * 1024
FILE_BYTES = 25 * 1024 * 1024
_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


class Attached(msgspec.Struct):
    """What there is to send. `notes` are for the message's reader, `mistakes` for the owner."""

    paths: list[str] = []
    pictures: list[Picture] = []
    notes: list[str] = []
    mistakes: list[str] = []


class Attachments:
    """`gcodes` is the folder of g-code files, in whose folders the thumbnails lie."""

    def __init__(
        self, snapshots: Snapshots, readable: ReadableFiles, metadata: JobMetadata, gcodes: Path
    ) -> None:
        self._snapshots = snapshots
        self._readable = readable
        self._metadata = metadata
        self._gcodes = gcodes

    async def get(self, wanted: list[Wanted], filename: str) -> Attached:
        """All of them; `filename` is the printed file, empty without one."""
        found = Attached()
        for one in wanted:
            with trio.move_on_after(FETCH_S) as limit:
                await self._get_one(one, filename, found)
            if limit.cancelled_caught:
                found.notes.append(f"no {_name(one)}: it did not come within {FETCH_S:g} s")
        return found

    async def _get_one(self, one: Wanted, filename: str, found: Attached) -> None:
        match one.kind:
            case AttachmentKind.ADDRESS:
                found.paths.append(one.value)
            case AttachmentKind.SNAPSHOT:
                await self._add_snapshot(one.value, found)
            case AttachmentKind.THUMBNAIL:
                await self._add_thumbnail(filename, found)
            case AttachmentKind.PATH:
                check = trio.to_thread.run_sync(self._check, one.value, abandon_on_cancel=True)
                path, mistake = await check
                found.paths += [] if mistake else [path]
                found.mistakes += [mistake] if mistake else []

    async def _add_snapshot(self, webcam: str, found: Attached) -> None:
        try:
            snapshot = await self._snapshots.snapshot(webcam)
        except NoSnapshot as exc:
            found.notes.append(f"no snapshot: {exc}")
            return
        ending = _ENDINGS.get(snapshot.content_type, "jpg")
        name = f"snapshot-{len(found.pictures) + 1}.{ending}"
        found.pictures.append(Picture(name, snapshot.content_type, snapshot.body))

    async def _add_thumbnail(self, filename: str, found: Attached) -> None:
        record = self._metadata.get(filename) if filename else None
        largest = _largest(record)
        if largest is None:
            found.notes.append("no thumbnail: the file has none")
            return
        path = self._gcodes / PurePosixPath(filename).parent / largest
        try:
            body = await trio.to_thread.run_sync(_read, path, abandon_on_cancel=True)
        except OSError as exc:
            found.notes.append(f"no thumbnail: {exc.strerror}")
            return
        found.pictures.append(Picture("thumbnail.png", "image/png", body))

    def _check(self, text: str) -> tuple[str, str]:
        """The real path of a file that may be sent, or why it may not. Blocks."""
        try:
            path = Path(os.path.realpath(Path(text).expanduser()))
            is_file, size = path.is_file(), path.stat().st_size if path.is_file() else 0
        except (OSError, RuntimeError, ValueError):
            is_file, size = False, 0
        if not is_file:
            return "", f"Invalid attachment detected, file does not exist: {text[:300]}."
        if not self._readable.may_read(path):
            return "", (
                f"Invalid attachment detected, no read permission for the file {text[:300]}: it"
                " must lie in a folder that clients see, such as gcodes."
            )
        if size > FILE_BYTES:
            return "", f"Invalid attachment detected, more than {FILE_BYTES} bytes: {text[:300]}."
        return str(path), ""


def _name(one: Wanted) -> str:
    return {AttachmentKind.SNAPSHOT: SNAPSHOT, AttachmentKind.THUMBNAIL: THUMBNAIL}.get(
        one.kind, "attachment"
    )


def _largest(record: Mapping[str, Any] | None) -> str | None:
    """The relative path of the largest thumbnail in a record."""
    listed = (record or {}).get("thumbnails")
    usable = [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, Mapping) and one.get("relative_path")
    ]
    if not usable:
        return None
    largest = max(usable, key=lambda one: (one.get("width") or 0) * (one.get("height") or 0))
    return str(largest["relative_path"])


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        body = file.read(THUMBNAIL_BYTES + 1)
    if len(body) > THUMBNAIL_BYTES:
        raise OSError(0, f"it has more than {THUMBNAIL_BYTES} bytes")
    return body
