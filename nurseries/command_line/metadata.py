"""`mrk metadata FILE...`: what a scan finds in g-code files and what holds some, for a person.

Runs in the foreground without a daemon and writes nothing: images are listed, not stored.
"""

import json
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mrk.errors import MrkError
from mrk.gcode.object_marks import mark_style
from mrk.gcode.scan import ScanResult, scan
from mrk.gcode.source import BytesSource, read_window
from mrk.gcode.ufp import PackageRefused
from nurseries.command_line.file_records import failed_record, print_failed, printable
from nurseries.files.scan.gcode_file import GcodeFile
from nurseries.files.scan.rewrites import BAD_ARCHIVE, open_model

MODEL_LIMIT_BYTES = 256 * 1024 * 1024  # of a package, which is read in memory here


def run(files: Sequence[Path], as_json: bool) -> int:
    """Print the metadata of each file; 1 if one of them could not be read."""
    failures = 0
    records: list[dict[str, Any]] = []
    for path in files:
        try:
            record = describe(path)
        except (MrkError, OSError) as error:
            failures += 1
            record = failed_record(path, error)
        records.append(record)
        if not as_json:
            _print_record(record)
    if as_json:
        print(json.dumps(records, indent=2))
    return 1 if failures else 0


def describe(path: Path) -> dict[str, Any]:
    """Everything found in one file, as the API would name it; raises MrkError or OSError."""
    with GcodeFile(path) as file:
        if path.suffix.lower() in (".ufp", ".3mf"):
            model = BytesSource(_model(file))
            found, head = scan(model), read_window(model).head
        else:
            found, head = scan(file), read_window(file).head
        size_bytes, modified = file.size_bytes, file.mtime_ns / 1e9
    style = mark_style(head)
    return {
        "filename": printable(path),
        "state": "ok",
        "size": size_bytes,
        "modified": modified,
        **found.metadata.fields(),
        "images": _images(found),
        "object_marks": style.name.lower() if style else None,
    }


def _images(found: ScanResult) -> list[str]:
    return [
        f"{image.width}x{image.height} {image.kind} {len(image.data)} bytes"
        for image in found.thumbnails
    ]


def _model(file: GcodeFile) -> bytes:
    with open(file.fd, "rb", closefd=False) as raw:
        try:
            with zipfile.ZipFile(raw) as archive:
                entry = open_model(archive).model
                if entry.file_size > MODEL_LIMIT_BYTES:
                    raise PackageRefused("its model is too large to be shown")
                return archive.read(entry)
        except BAD_ARCHIVE as error:
            raise PackageRefused(str(error) or type(error).__name__) from error


def _print_record(record: dict[str, Any]) -> None:
    if print_failed(record):
        return
    print(record["filename"])
    for field, value in record.items():
        if field not in ("filename", "state") and value not in (None, []):
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            print(f"  {field:<22} {shown}")


@click.command("metadata")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="An array with one object a file.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Print what is found in g-code FILES."""
    sys.exit(run(files, as_json))
