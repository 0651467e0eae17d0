"""Thumbnails on disk: `.thumbs/<stem>-<w>x<h>.png` beside the g-code file, and the miniature.

Runs in the scan worker only. PNG and JPEG are stored as they are, QOI becomes PNG. The 32x32
miniature needs Pillow (the extra `images`); without it the images are there and a note says so.
A `.thumbs` that is a link is not followed, a name is written whole or not at all.
"""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType

from mrk.gcode.image_names import image_name, package_image_name
from mrk.gcode.images import ImageKind, image_size
from mrk.gcode.qoi import BadImage, qoi_to_png
from mrk.gcode.thumbnails import PIXELS_LIMIT, Thumbnail
from nurseries.files.scan.messages import NO_PILLOW, WrittenImage

FOLDER = b".thumbs"
MINIATURE = (32, 32)
UFP_IMAGE_LIMIT_BYTES = 8 * 1024 * 1024
# What decoders raise on bytes that are no image after all.
_BAD_IMAGE = (ArithmeticError, LookupError, OSError, SyntaxError, TypeError, ValueError,
              EOFError, MemoryError, zlib.error, struct.error)  # fmt: skip


def store_images(
    path: bytes, images: list[Thumbnail], notes: list[str], *, packaged: bool
) -> list[WrittenImage]:
    """Write a file's images, miniature first; what could not be written becomes a note.

    `packaged`: an image that came in a package or project stands in for missing ones.
    """
    folder, name = os.path.split(path)
    image = package_image_name(name)
    try:
        if images:
            with open_thumbs(folder or b".", create=True) as thumbs:
                return _store(thumbs, name, images, notes)
        if packaged and os.path.lexists(os.path.join(folder or b".", FOLDER, image)):
            with open_thumbs(folder or b".", create=False) as thumbs:
                return _packaged(thumbs, name, image, notes)
    except OSError as error:
        notes.append(f"images not stored: {error.strerror or error}")
    return []


@contextmanager
def open_thumbs(folder: bytes, *, create: bool) -> Iterator[int]:
    """Descriptor of a folder's `.thumbs`, which must be a real folder; raises OSError."""
    path = os.path.join(folder, FOLDER)
    if create:
        with suppress(FileExistsError):
            os.mkdir(path)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def write_whole(thumbs: int, name: bytes, data: bytes) -> None:
    """Write a file of `.thumbs` under a temporary name and rename it."""
    temporary = b".%s.part" % os.urandom(8).hex().encode()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o644, dir_fd=thumbs)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.rename(temporary, name, src_dir_fd=thumbs, dst_dir_fd=thumbs)
    except OSError:
        os.unlink(temporary, dir_fd=thumbs)
        raise


def _store(
    thumbs: int, file: bytes, images: list[Thumbnail], notes: list[str]
) -> list[WrittenImage]:
    written: list[WrittenImage] = []
    stored: list[bytes] = []
    for image in images:
        try:
            data = qoi_to_png(image.data) if image.kind is ImageKind.QOI else image.data
        except (BadImage, LookupError, ValueError) as error:
            notes.append(f"image {image.width}x{image.height} left out: {error}")
            continue
        suffix = b"jpg" if image.kind is ImageKind.JPG else b"png"
        name = image_name(file, image.width, image.height, suffix)
        if all(name != other.name for other in written):
            write_whole(thumbs, name, data)
            written.append(WrittenImage(name, image.width, image.height, len(data)))
            stored.append(data)
    if stored and all((image.width, image.height) != MINIATURE for image in written):
        _add_miniature(thumbs, file, max(stored, key=len), written, notes)
    return written


def _packaged(thumbs: int, file: bytes, name: bytes, notes: list[str]) -> list[WrittenImage]:
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=thumbs)
    with open(descriptor, "rb") as image:
        data = image.read(UFP_IMAGE_LIMIT_BYTES)
    size = image_size(ImageKind.PNG, data)
    if size is None:
        return []
    written = [WrittenImage(name, size[0], size[1], len(data))]
    _add_miniature(thumbs, file, data, written, notes)
    return written


def _add_miniature(
    thumbs: int, file: bytes, source: bytes, written: list[WrittenImage], notes: list[str]
) -> None:
    pillow = _pillow()
    if pillow is None:
        notes.append(NO_PILLOW)
        return
    try:
        width, height, data = _miniature(pillow, source)
    except (*_BAD_IMAGE, pillow.DecompressionBombError) as error:
        notes.append(f"no 32x32 miniature: {error}")
        return
    name = image_name(file, *MINIATURE, b"png")
    write_whole(thumbs, name, data)
    written.insert(0, WrittenImage(name, width, height, len(data)))


def _miniature(pillow: ModuleType, source: bytes) -> tuple[int, int, bytes]:
    with pillow.open(io.BytesIO(source), formats=("PNG", "JPEG")) as image:
        image.draft(None, (64, 64))  # lets JPEG decode at a fraction of its size
        small = image if image.mode in ("RGB", "RGBA") else image.convert("RGBA")
        small.thumbnail(MINIATURE)
        out = io.BytesIO()
        small.save(out, "PNG")
        return small.width, small.height, out.getvalue()


def _pillow() -> ModuleType | None:
    """Imported at the first image that needs it: 20 ms that most scans do not spend."""
    try:
        from PIL import Image
    except ImportError:
        return None
    Image.MAX_IMAGE_PIXELS = PIXELS_LIMIT
    return Image
