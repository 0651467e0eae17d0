"""The scan worker's jobs that write g-code: unpacking packages and adding exclude_object commands.

Both write a new file that the caller named and that must not exist, whole or not at all; the
caller renames it. Runs in the scan worker only.
"""

import importlib
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from mrk.gcode.binary.as_text import BinaryText
from mrk.gcode.binary.blocks import is_binary
from mrk.gcode.image_names import package_image_name
from mrk.gcode.object_marks import mark_style
from mrk.gcode.objects import LINE_LIMIT_BYTES, Rewrite, Survey
from mrk.gcode.processors import GcodeProcessor
from mrk.gcode.project import Plate, is_project, open_plate
from mrk.gcode.source import read_window
from mrk.gcode.ufp import MODEL_LIMIT_BYTES, Package, PackageRefused, open_package
from mrk.version import VERSION
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.images import open_thumbs, write_whole
from nurseries.files.scan.messages import ObjectsAdded, ProcessorDone, Unpacked

_CHUNK_BYTES = 256 * 1024
# What zipfile raises on archives that are none, besides its own error.
BAD_ARCHIVE = (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, RuntimeError,
               LookupError, ValueError)  # fmt: skip


def unpack(package: bytes, model: bytes, final: bytes, plate: int = 0) -> Unpacked:
    """Unpack a UFP, a plate of a 3MF project, or binary g-code.

    Raises `MrkError` or OSError, and leaves nothing behind then.
    """
    with GcodeFile(package) as source:
        if is_binary(source):
            return _convert(source, model)
        with open(source.fd, "rb", closefd=False) as file:
            try:
                with zipfile.ZipFile(file) as archive:
                    found = open_model(archive, plate)
                    size_bytes = _extract(archive, found.model, model)
                    image = archive.read(found.image) if found.image else b""
            except BAD_ARCHIVE as error:
                raise PackageRefused(str(error) or type(error).__name__) from error
    if image:
        folder, name = os.path.split(final)
        with open_thumbs(folder or b".", create=True) as thumbs:
            write_whole(thumbs, package_image_name(name), image)
    return Unpacked(size_bytes, bool(image), found.others if isinstance(found, Plate) else [])


def open_model(archive: zipfile.ZipFile, plate: int = 0) -> Package | Plate:
    """What an archive holds as a UFP or as a project; raises `PackageRefused`."""
    entries = archive.infolist()
    return open_plate(entries, plate) if is_project(entries) else open_package(entries)


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, model: bytes) -> int:
    size_bytes = 0
    with new_file(model) as target, archive.open(entry) as packed:
        while chunk := packed.read(_CHUNK_BYTES):
            size_bytes += len(chunk)
            if size_bytes > entry.file_size:
                raise PackageRefused("its model is larger than it says")
            target.write(chunk)
    return size_bytes


def _convert(source: GcodeFile, model: bytes) -> Unpacked:
    size_bytes = 0
    with new_file(model) as target:
        for piece in BinaryText(source).chunks():
            size_bytes += len(piece)
            if size_bytes > MODEL_LIMIT_BYTES:
                raise PackageRefused(f"its text is longer than {MODEL_LIMIT_BYTES} bytes")
            target.write(piece)
    return Unpacked(size_bytes, False)


def add_objects(source: bytes, target: bytes) -> ObjectsAdded:
    """Write `source` with its objects defined; nothing is written for a file without any."""
    with GcodeFile(source) as gcode, open(gcode.fd, "rb", closefd=False) as file:
        style = mark_style(read_window(gcode).head)
        if style is None:
            return ObjectsAdded([])
        survey = Survey(style)
        for line in _lines(file):
            survey.feed(line)
        objects = survey.objects()
        if not objects:
            return ObjectsAdded([])
        rewrite = Rewrite(style, objects, VERSION)
        with new_file(target) as out:
            for line in _lines(file):
                out.write(rewrite.feed(line))
            out.write(rewrite.finish())
    return ObjectsAdded(list(objects))


def process(source: bytes, target: bytes, processor: GcodeProcessor) -> ProcessorDone:
    """What a processor makes of a file; nothing is left when it makes nothing."""
    module, _, function = processor.reference.partition(":")
    run = getattr(importlib.import_module(module), function)
    with (
        GcodeFile(source) as gcode,
        open(gcode.fd, "rb", closefd=False) as file,
        new_file(target) as out,
    ):
        changed = bool(run(file, out, processor.options))
    if not changed:
        os.unlink(target)
    return ProcessorDone(changed)


def _lines(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.readline(LINE_LIMIT_BYTES), b"")


@contextmanager
def new_file(path: bytes) -> Iterator[BinaryIO]:
    """A file that must not exist; it is on the disk behind the block, or gone."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o644)
    done = False
    try:
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        done = True
    finally:
        if not done:
            os.unlink(path)
