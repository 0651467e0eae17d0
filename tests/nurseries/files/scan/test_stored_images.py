"""What lies in `.thumbs` after a scan, and what is told of it."""

import io
import os
from pathlib import Path

import pytest

from mrk.gcode.image_names import package_image_name
from mrk.gcode.images import ImageKind, image_size
from mrk.gcode.scan import scan
from mrk.gcode.source import BytesSource
from nurseries.files.scan.images import store_images
from nurseries.files.scan.messages import NO_PILLOW, WrittenImage
from tests.fakes.gcode_images import block, jpeg, png, qoi

SMALL = block(png(32, 32), "32x32")


def stored(
    folder: Path, text: bytes, notes: list[str] | None = None, *, packaged: bool = False
) -> list[WrittenImage]:
    images = scan(BytesSource(text)).thumbnails
    found = store_images(
        os.fsencode(folder / "a.gcode"), images, [] if notes is None else notes, packaged=packaged
    )
    for image in found:
        assert (folder / ".thumbs" / os.fsdecode(image.name)).stat().st_size == image.size
    return found


def names(found: list[WrittenImage]) -> list[bytes]:
    return [image.name for image in found]


def test_a_jpeg_is_stored_as_it_is(tmp_path: Path) -> None:
    picture = jpeg(160, 120)
    found = stored(tmp_path, SMALL + block(picture, "160x120", "thumbnail_JPG"))
    assert names(found) == [b"a-32x32.png", b"a-160x120.jpg"]
    assert (tmp_path / ".thumbs" / "a-160x120.jpg").read_bytes() == picture


def test_of_two_images_of_one_size_the_first_counts(tmp_path: Path) -> None:
    twice = block(png(48, 48), "48x48") + block(qoi(48, 48, b"\xfd" * 40), "48x48", "thumbnail_QOI")
    assert names(stored(tmp_path, SMALL + twice)) == [b"a-32x32.png", b"a-48x48.png"]
    assert (tmp_path / ".thumbs" / "a-48x48.png").read_bytes() == png(48, 48)


def test_images_that_cannot_be_stored_are_noted_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / ".thumbs" / "a-32x32.png").mkdir(parents=True)
    notes: list[str] = []
    assert stored(tmp_path, SMALL, notes) == []
    assert notes == ["images not stored: Is a directory"]
    assert os.listdir(tmp_path / ".thumbs") == ["a-32x32.png"]


@pytest.mark.parametrize("picture", [b"", jpeg(64, 64), png(64, 64)[:20]])
def test_the_picture_of_a_package_that_is_no_png_is_none(tmp_path: Path, picture: bytes) -> None:
    (tmp_path / ".thumbs").mkdir()
    (tmp_path / ".thumbs" / os.fsdecode(package_image_name(b"a.gcode"))).write_bytes(picture)
    assert stored(tmp_path, b"G28\n", packaged=True) == []


def test_without_a_picture_no_folder_is_made(tmp_path: Path) -> None:
    notes: list[str] = []
    assert stored(tmp_path, b"G28\n", notes, packaged=True) == []
    assert os.listdir(tmp_path) == []
    assert notes == []


def pictures() -> dict[str, bytes]:
    """Kinds of pixels that slicers and plug-ins write."""
    image_module = pytest.importorskip("PIL.Image")
    made = {}
    for name, mode, kind in (("colours", "RGB", "JPEG"), ("grey", "L", "JPEG"),
                             ("palette", "P", "PNG"), ("deep", "I;16", "PNG"),
                             ("alpha", "LA", "PNG")):  # fmt: skip
        out = io.BytesIO()
        image_module.new(mode, (200, 100)).save(out, kind)
        made[name] = out.getvalue()
    return made


@pytest.mark.parametrize("kind", ["colours", "grey", "palette", "deep", "alpha"])
def test_a_miniature_of_any_picture(tmp_path: Path, kind: str) -> None:
    notes: list[str] = []
    found = stored(tmp_path, block(pictures()[kind], "200x100"), notes)
    assert notes == []
    small = found[0]
    assert (small.name, small.width, small.height) == (b"a-32x32.png", 32, 16)
    written = (tmp_path / ".thumbs" / "a-32x32.png").read_bytes()
    assert image_size(ImageKind.PNG, written) == (32, 16)


def test_the_largest_picture_makes_the_miniature(tmp_path: Path) -> None:
    text = block(png(16, 16), "16x16") + block(png(300, 100), "300x100")
    notes: list[str] = []
    found = stored(tmp_path, text, notes)
    assert {b"a-16x16.png", b"a-300x100.png"} <= set(names(found))
    if notes != [NO_PILLOW]:
        assert (found[0].name, found[0].width, found[0].height) == (b"a-32x32.png", 32, 11)
