"""The scan worker's jobs on real files, in this process; the process itself in test_scanner.py."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from mrk.gcode.images import ImageKind, image_size
from nurseries.files.scan.messages import (
    NO_PILLOW,
    AddObjects,
    ExtrusionMeasured,
    Failed,
    MeasureExtrusion,
    ObjectsAdded,
    ScanFile,
    ScannedAnswer,
    Unpacked,
    UnpackPackage,
    decode_answer,
    encode,
)
from nurseries.files.scan.worker import perform, serve
from tests.fakes.binary_gcode import binary_gcode
from tests.fakes.gcode_images import block, png, qoi

DATA = Path(__file__).parents[3] / "data" / "gcode"
GUI = (DATA / "prusa-slicer-2.5.0-gui-thumbnails-png-cut.gcode").read_bytes()
CURA = (DATA / "cura-4.13.0-ender3-cube-cut.gcode").read_bytes()
LABELLED = DATA / "prusa-slicer-2.5.0-mk3s-three-labelled-cut.gcode"


def without_small_image(data: bytes) -> bytes:
    start, end = data.index(b"; thumbnail begin 32x32"), data.index(b"; thumbnail end\n") + 16
    return data[:start] + data[end:]


def large_image(tmp_path: Path) -> bytes:
    path = tmp_path / "for-its-image.gcode"
    path.write_bytes(GUI)
    scan(path)
    return (tmp_path / ".thumbs" / "for-its-image-300x300.png").read_bytes()


def scan(path: Path, *, images: bool = True) -> ScannedAnswer | Failed:
    answer = decode_answer(encode(perform(ScanFile(os.fsencode(path), images))))
    assert isinstance(answer, ScannedAnswer | Failed)
    return answer


def thumbs(folder: Path) -> list[str]:
    return sorted(os.listdir(folder / ".thumbs"))


def test_metadata_and_images_of_one_file(tmp_path):
    path = tmp_path / "cup.gcode"
    path.write_bytes(GUI)
    found = scan(path)
    assert isinstance(found, ScannedAnswer)
    assert found.metadata.estimated_time == 813
    assert found.size_bytes == len(GUI)
    assert found.mtime_ns == path.stat().st_mtime_ns
    assert [(image.name, image.width, image.height) for image in found.images] == [
        (b"cup-32x32.png", 32, 32),
        (b"cup-300x300.png", 300, 300),
    ]
    assert thumbs(tmp_path) == ["cup-300x300.png", "cup-32x32.png"]
    for image in found.images:
        stored = (tmp_path / ".thumbs" / os.fsdecode(image.name)).read_bytes()
        assert len(stored) == image.size
        assert image_size(ImageKind.PNG, stored) == (image.width, image.height)


def test_without_images_nothing_is_written(tmp_path):
    path = tmp_path / "cup.gcode"
    path.write_bytes(GUI)
    found = scan(path, images=False)
    assert isinstance(found, ScannedAnswer)
    assert found.images == []
    assert os.listdir(tmp_path) == ["cup.gcode"]


def test_a_missing_miniature_is_made(tmp_path):
    pytest.importorskip("PIL")
    path = tmp_path / "cup.gcode"
    path.write_bytes(without_small_image(GUI))
    found = scan(path)
    assert isinstance(found, ScannedAnswer)
    assert [image.name for image in found.images] == [b"cup-32x32.png", b"cup-300x300.png"]
    assert (found.images[0].width, found.images[0].height) == (32, 32)
    assert found.notes == []


def test_a_qoi_image_becomes_a_png(tmp_path):
    path = tmp_path / "a.gcode"
    ops = b"\xfe\x10\x20\x30" + b"\xfd" * 20
    path.write_bytes(b"; x\n" + block(qoi(48, 24, ops), "48x24", "thumbnail_QOI") + b"G28\n")
    found = scan(path)
    assert isinstance(found, ScannedAnswer)
    assert (b"a-48x24.png", 48, 24) in [(i.name, i.width, i.height) for i in found.images]
    if found.notes != [NO_PILLOW]:
        assert (found.images[0].width, found.images[0].height) == (32, 16)


def test_a_broken_image_costs_only_itself(tmp_path):
    path = tmp_path / "a.gcode"
    broken = png(64, 64)[:40]
    path.write_bytes(
        b"; x\n; layer_height = 0.2\n" + block(qoi(9, 9, b"\xfd"), "9x9", "thumbnail_QOI")
        + block(broken, "64x64") + b"G28\n"
    )  # fmt: skip
    found = scan(path)
    assert isinstance(found, ScannedAnswer)
    assert [image.name for image in found.images] == [b"a-64x64.png"]
    assert len(found.notes) == 2


def test_names_in_latin_1_and_names_too_long(tmp_path):
    path = os.fsencode(tmp_path) + b"/Gr\xfcn.gcode"
    with open(path, "wb") as file:
        file.write(GUI)
    found = perform(ScanFile(path, True))
    assert isinstance(found, ScannedAnswer)
    assert found.images[0].name == b"Gr\xfcn-32x32.png"
    long = tmp_path / ("x" * 249 + ".gcode")
    long.write_bytes(GUI)
    found = scan(long)
    assert isinstance(found, ScannedAnswer)
    assert len(found.images) == 2
    assert all(len(image.name) <= 255 for image in found.images)
    assert {os.fsdecode(image.name) for image in found.images} <= set(thumbs(tmp_path))
    assert not [name for name in thumbs(tmp_path) if name.endswith(".part")]


def test_a_thumbs_folder_that_is_a_link_is_not_followed(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "gcodes").mkdir()
    (tmp_path / "gcodes" / ".thumbs").symlink_to(elsewhere)
    path = tmp_path / "gcodes" / "a.gcode"
    path.write_bytes(GUI)
    found = scan(path)
    assert isinstance(found, ScannedAnswer)
    assert found.images == []
    assert found.notes
    assert os.listdir(elsewhere) == []


def test_what_is_no_file_fails_with_a_reason(tmp_path):
    (tmp_path / "folder.gcode").mkdir()
    os.mkfifo(tmp_path / "pipe.gcode")
    (tmp_path / "empty.gcode").touch()
    for name in ("folder.gcode", "pipe.gcode", "empty.gcode", "missing.gcode"):
        found = scan(tmp_path / name)
        assert isinstance(found, Failed)
        assert found.reason


def test_a_session_is_a_line_for_a_line(tmp_path):
    path = tmp_path / "a.gcode"
    path.write_bytes(CURA)
    asked = encode(ScanFile(os.fsencode(path), False)) + encode(ScanFile(b"/nowhere", False))
    answers = io.BytesIO()
    serve(io.BytesIO(asked), answers)
    kinds = [type(decode_answer(line)) for line in answers.getvalue().splitlines()]
    assert kinds == [ScannedAnswer, Failed]


def package(path: Path, model: bytes = CURA, image: bytes | None = None, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("/3D/model.gcode", model)
        if image is not None:
            archive.writestr("/Metadata/thumbnail.png", image)
        for name, data in more.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize(("until", "mm"), [(None, 5.0), (0, 0.0), (7, 2.0), (8, 2.0), (9, 5.0)])
def test_filament_up_to_a_place(tmp_path: Path, until: int | None, mm: float) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"G1 E2 ;\nG1 E5\n")
    answer = perform(MeasureExtrusion(os.fsencode(path), until))
    assert isinstance(answer, ExtrusionMeasured)
    assert (answer.used_mm, answer.size_bytes) == (mm, 14)
    assert isinstance(perform(MeasureExtrusion(b"/nowhere", None)), Failed)


def unpack(path: Path, final: Path) -> Unpacked | Failed:
    target = final.with_name("." + final.name + ".part")
    answer = perform(UnpackPackage(os.fsencode(path), os.fsencode(target), os.fsencode(final)))
    assert isinstance(answer, Unpacked | Failed)
    if isinstance(answer, Unpacked):
        target.rename(final)
    else:
        assert not target.exists()
    return answer


def test_a_package_gives_its_model_and_its_image(tmp_path):
    image = large_image(tmp_path)
    final = tmp_path / "cube.gcode"
    assert unpack(package(tmp_path / "cube.ufp", image=image), final) == Unpacked(len(CURA), True)
    assert final.read_bytes() == CURA
    found = scan(final)
    assert isinstance(found, ScannedAnswer)
    assert (b"cube.package.png", 300, 300) in [(i.name, i.width, i.height) for i in found.images]
    if not found.notes:
        assert found.images[0].name == b"cube-32x32.png"
        assert (found.images[0].width, found.images[0].height) == (32, 32)


def test_the_image_of_a_package_is_for_cura_only(tmp_path):
    final = tmp_path / "cube.gcode"
    other = CURA.replace(b"Cura_SteamEngine", b"Somebody else's")
    unpack(package(tmp_path / "cube.ufp", other, large_image(tmp_path)), final)
    found = scan(final)
    assert isinstance(found, ScannedAnswer)
    assert found.images == []


def test_an_existing_target_is_not_overwritten(tmp_path):
    target = tmp_path / "cube.part"
    target.write_bytes(b"mine")
    path = os.fsencode(package(tmp_path / "cube.ufp"))
    final = os.fsencode(tmp_path / "cube.gcode")
    assert isinstance(perform(UnpackPackage(path, os.fsencode(target), final)), Failed)
    assert target.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"PK\x03\x04 and nothing more",
        lambda data: data[: len(data) // 2],
        lambda data: data[:200] + bytes(50) + data[250:],
        lambda data: data.replace(b"model.gcode", b"model.gcodx"),
    ],
    ids=["empty", "head only", "half", "hole", "other name"],
)
def test_a_damaged_package_leaves_nothing(tmp_path, damage):
    path = package(tmp_path / "cube.ufp")
    path.write_bytes(damage(path.read_bytes()))
    found = unpack(path, tmp_path / "cube.gcode")
    assert isinstance(found, Failed)
    assert found.reason
    assert os.listdir(tmp_path) == ["cube.ufp"]


def test_a_bomb_and_a_climbing_name_leave_nothing(tmp_path):
    bomb = package(tmp_path / "bomb.ufp", bytes(20 * 1024 * 1024))
    assert isinstance(unpack(bomb, tmp_path / "cube.gcode"), Failed)
    climber = package(tmp_path / "climber.ufp", **{"../../evil": b"x"})
    assert isinstance(unpack(climber, tmp_path / "cube.gcode"), Failed)
    assert sorted(os.listdir(tmp_path)) == ["bomb.ufp", "climber.ufp"]


def test_a_package_that_lies_about_its_size_leaves_nothing(tmp_path):
    path = package(tmp_path / "cube.ufp", b"G1 X1\n" * 100_000)
    data = path.read_bytes()
    true = len(b"G1 X1\n" * 100_000).to_bytes(4, "little")
    path.write_bytes(data.replace(true, (1000).to_bytes(4, "little")))
    assert isinstance(unpack(path, tmp_path / "cube.gcode"), Failed)
    assert os.listdir(tmp_path) == ["cube.ufp"]


def test_objects_are_added_into_a_new_file(tmp_path):
    target = tmp_path / "target"
    answer = perform(AddObjects(os.fsencode(LABELLED), os.fsencode(target)))
    assert isinstance(answer, ObjectsAdded)
    assert len(answer.names) == 3
    assert target.read_bytes().count(b"EXCLUDE_OBJECT_DEFINE") == 3
    assert stat.S_IMODE(target.stat().st_mode) & 0o111 == 0
    again = perform(AddObjects(os.fsencode(target), os.fsencode(tmp_path / "again")))
    assert again == ObjectsAdded([])
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("text", [b"G28\n", b"; printing object a\nG1 X1 Y1\n"])
def test_a_file_without_printed_objects_gets_no_new_one(tmp_path, text):
    path, target = tmp_path / "a.gcode", tmp_path / "new.gcode"
    path.write_bytes(text)
    assert perform(AddObjects(os.fsencode(path), os.fsencode(target))) == ObjectsAdded([])
    assert not target.exists()


def test_an_object_that_is_open_at_the_end_is_closed(tmp_path):
    path, target = tmp_path / "a.gcode", tmp_path / "new.gcode"
    path.write_bytes(b"; printing object a\nG1 X0 Y0\nG1 X1 Y1 E1")
    assert perform(AddObjects(os.fsencode(path), os.fsencode(target))) == ObjectsAdded(["a"])
    assert target.read_bytes().endswith(b"G1 X1 Y1 E1\nEXCLUDE_OBJECT_END NAME=a\n")


def test_a_package_without_an_image_leaves_none(tmp_path):
    final = tmp_path / "cube.gcode"
    assert unpack(package(tmp_path / "cube.ufp"), final) == Unpacked(len(CURA), False)
    assert sorted(os.listdir(tmp_path)) == ["cube.gcode", "cube.ufp"]


def test_lines_of_any_length_pass_through_object_processing(tmp_path):
    source, target = tmp_path / "a.gcode", tmp_path / "b"
    long = b"; " + b"x" * 300_000 + b"\n"
    data = b"; printing object a\n" + long + b"G1 X1 Y1\nG1 X2 Y2 E1\nG1 X2 Y0 E2\n" + long
    source.write_bytes(data)
    perform(AddObjects(os.fsencode(source), os.fsencode(target)))
    out = target.read_bytes()
    kept = [line for line in out.splitlines(True) if b"EXCLUDE" not in line and b"Pre-" not in line]
    assert b"".join(kept) == data


def project(path: Path, *plates: int, model: bytes = CURA) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("3D/3dmodel.model", "<model/>")
        for number in plates:
            archive.writestr(f"Metadata/plate_{number}.gcode", model + b"; plate %d\n" % number)
            archive.writestr(f"Metadata/plate_{number}.gcode.md5", "0")
            archive.writestr(f"Metadata/plate_{number}.png", png(64, 64))
    return path


def test_the_plates_of_a_project(tmp_path):
    path, final = project(tmp_path / "cube.gcode.3mf", 12, 2), tmp_path / "cube.gcode"
    found = unpack(path, final)
    assert found == Unpacked(len(CURA + b"; plate 2\n"), True, [12])
    assert final.read_bytes().endswith(b"; plate 2\n")
    assert thumbs(tmp_path) == ["cube.package.png"]
    request = UnpackPackage(
        os.fsencode(path), os.fsencode(tmp_path / ".model"), os.fsencode(final), 12
    )
    assert isinstance(perform(request), Unpacked)
    assert (tmp_path / ".model").read_bytes().endswith(b"; plate 12\n")


@pytest.mark.parametrize(
    "name", ["BambuStudio 02.03.01.51", "QIDIStudio 01.10.01.51", "generated by OrcaSlicer 2.3.1"]
)
def test_the_picture_of_a_plate_is_its_thumbnail(tmp_path, name):
    model = b"; HEADER_BLOCK_START\n; %s\n; HEADER_BLOCK_END\nG28 X0\n" % name.encode()
    path, final = project(tmp_path / "cube.gcode.3mf", 1, model=model), tmp_path / "cube.gcode"
    unpack(path, final)
    found = scan(final)
    assert isinstance(found, ScannedAnswer)
    assert b"cube.package.png" in [image.name for image in found.images]


def test_a_project_without_gcode_or_without_that_plate(tmp_path):
    for plate, path in ((0, project(tmp_path / "a.3mf")), (3, project(tmp_path / "b.3mf", 1))):
        request = UnpackPackage(
            os.fsencode(path),
            os.fsencode(tmp_path / ".m"),
            os.fsencode(tmp_path / "a.gcode"),
            plate,
        )
        assert isinstance(perform(request), Failed)
        assert not (tmp_path / ".m").exists()


def test_binary_gcode_becomes_text(tmp_path):
    body = b"G28\nG1 X1 Y2 E.5\n"
    path = tmp_path / "part.bgcode"
    path.write_bytes(binary_gcode([body, body], {"layer_height": "0.2"}, {}))
    found = unpack(path, tmp_path / "part.gcode")
    assert isinstance(found, Unpacked)
    text = (tmp_path / "part.gcode").read_bytes()
    assert body + body in text
    assert found.size_bytes == len(text)
    path.write_bytes(path.read_bytes()[:-3])
    assert unpack(path, tmp_path / "part.gcode") == Failed("the binary g-code ends in a block")
