"""Names of images: one for each file, whatever files are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.gcode.image_names import image_name, package_image_name, renamed_image

NAME = st.builds(
    lambda stem, suffix: (stem + suffix).encode(),
    st.text("s.-3x2gcodeu", min_size=1, max_size=12).filter(lambda stem: stem.strip(".")),
    st.sampled_from([".gcode", ".g", ".GCODE", ".nc", ".gco", ".ufp"]),
)
SIZES = st.sampled_from([(32, 32), (3, 2), (300, 300)])


@given(NAME, NAME, SIZES, SIZES)
def test_two_files_share_no_image(
    one: bytes, other: bytes, size: tuple[int, int], another: tuple[int, int]
) -> None:
    def names(file: bytes) -> set[bytes]:
        return {
            image_name(file, *size, b"png"),
            image_name(file, *another, b"png"),
            *([package_image_name(file)] if file.endswith(b".gcode") else []),
        }

    assert one == other or not names(one) & names(other)


@given(NAME, NAME, SIZES)
def test_a_renamed_file_has_the_images_of_its_name(
    source: bytes, dest: bytes, size: tuple[int, int]
) -> None:
    image = image_name(source, *size, b"jpg")
    assert renamed_image(image, source, dest) == image_name(dest, *size, b"jpg")
    packaged = package_image_name(source)
    assert renamed_image(packaged, source, dest) == package_image_name(dest)


def test_usual_and_foreign_names() -> None:
    assert image_name(b"part.gcode", 48, 32, b"png") == b"part-48x32.png"
    assert image_name(b"part.g", 48, 32, b"png") == b"part-48x32.g.png"
    assert renamed_image(b"part-48x32.png", b"part.g", b"x.gcode") == b"x-48x32.png"
    assert renamed_image(b"part.png", b"part.gcode", b"x.gcode") == b"x.gcode.png"
    packaged = package_image_name(b"2-2x2.gcode")
    assert renamed_image(packaged, b"2-2x2.gcode", b"x.gcode") == b"x.package.png"


def test_long_names_stay_apart_and_fit() -> None:
    files = [b"\xc3\xa4" * 124 + end + b".gcode" for end in (b"a", b"b")]
    names = {image_name(file, 300, 300, b"png") for file in files}
    assert len(names) == 2
    assert all(len(name) <= 255 and name.decode() for name in names)


@pytest.mark.parametrize("shift", [0, 1])
def test_a_long_name_is_cut_between_letters(shift):
    file = b"a" * shift + "ü".encode() * 124 + b".gcode"
    name = image_name(file, 300, 300, b"png")
    assert 250 < len(name) <= 255
    assert name.decode().endswith("-300x300.png")
    assert name.startswith(b"a" * shift + "üüü".encode())
