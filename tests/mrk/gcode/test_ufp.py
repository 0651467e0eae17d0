"""Which UFP packages are taken."""

import io
import zipfile

import pytest

from mrk.gcode import ufp
from mrk.gcode.ufp import PackageRefused, open_package


def entries(*names: str, model: bytes = b"G28\n") -> list[zipfile.ZipInfo]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, model if name.endswith(".gcode") else b"x")
    with zipfile.ZipFile(out) as archive:
        return archive.infolist()


@pytest.mark.parametrize("slash", ["", "/"])
def test_model_and_image_are_found(slash):
    package = open_package(
        entries(f"{slash}3D/model.gcode", f"{slash}Metadata/thumbnail.png", f"{slash}_rels/.rels")
    )
    assert package.model.file_size == 4
    assert package.image is not None


def test_an_image_is_not_needed_and_one_too_large_is_left_out():
    assert open_package(entries("3D/model.gcode")).image is None
    found = entries("3D/model.gcode", "Metadata/thumbnail.png")
    found[1].file_size = ufp.IMAGE_LIMIT_BYTES + 1
    assert open_package(found).image is None


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "3D/../../evil",
        "a/./b",
        "//evil",
        "C:/evil",
        "a\\..\\evil",
        "3D//model",
        "..",
        "/",
    ],
)
def test_one_name_that_climbs_refuses_the_package(name):
    with pytest.raises(PackageRefused):
        open_package(entries("3D/model.gcode", name))


def test_a_name_cut_by_nul_refuses_the_package():
    found = entries("3D/model.gcode", "x")
    found[1].orig_filename = "3D/x\0.gcode"
    with pytest.raises(PackageRefused):
        open_package(found)


def test_a_package_without_model_or_with_two():
    with pytest.raises(PackageRefused):
        open_package(entries("Metadata/thumbnail.png"))
    with pytest.raises(PackageRefused):
        open_package(entries("3D/model.gcode", "/3D/model.gcode"))


def test_a_bomb_is_refused_and_its_edge_is_not():
    found = entries("3D/model.gcode")
    found[0].compress_size = 1_000_000
    found[0].file_size = 100_000_000
    open_package(found)
    found[0].file_size += 1
    with pytest.raises(PackageRefused):
        open_package(found)


def test_size_encryption_and_number_of_entries():
    found = entries("3D/model.gcode")
    found[0].compress_size = found[0].file_size = ufp.MODEL_LIMIT_BYTES + 1
    with pytest.raises(PackageRefused):
        open_package(found)
    found = entries("3D/model.gcode")
    found[0].flag_bits |= 1
    with pytest.raises(PackageRefused):
        open_package(found)
    many = entries("3D/model.gcode", *(f"a{i}" for i in range(ufp.ENTRIES_LIMIT - 1)))
    open_package(many)
    with pytest.raises(PackageRefused):
        open_package([*many, *entries("one-more")])
