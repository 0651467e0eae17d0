"""`mrk metadata FILE...`."""

import json
import zipfile
from pathlib import Path

from nurseries.command_line.metadata import run
from tests.fakes.binary_gcode import binary_gcode

DATA = Path(__file__).parents[2] / "data" / "gcode"
GUI = DATA / "prusa-slicer-2.5.0-gui-thumbnails-png-cut.gcode"
CURA = DATA / "cura-4.13.0-ender3-cube-cut.gcode"


def test_a_person_reads_names_and_values(capsys):
    assert run([GUI, CURA], as_json=False) == 0
    out = capsys.readouterr().out
    assert str(GUI) in out
    assert "estimated_time         813\n" in out
    assert "300x300 png 5649 bytes" in out
    assert "slicer                 Cura\n" in out


def test_a_program_reads_json(capsys):
    assert run([GUI], as_json=True) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["state"] == "ok"
    assert record["filament_total"] == 464.15
    assert record["size"] == GUI.stat().st_size
    assert record["object_marks"] == "printing_object"


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_shown(capsys, tmp_path):
    missing, broken = tmp_path / "missing.gcode", tmp_path / "broken.ufp"
    broken.write_bytes(b"PK")
    assert run([missing, CURA, broken, tmp_path], as_json=False) == 1
    output = capsys.readouterr()
    assert "Cura" in output.out
    assert f"{missing}: No such file or directory" in output.err
    assert str(broken) in output.err
    assert run([missing], as_json=True) == 1
    assert json.loads(capsys.readouterr().out)[0]["state"] == "failed"


def test_the_model_in_a_package_is_shown_and_nothing_is_unpacked(capsys, tmp_path):
    path = tmp_path / "cube.ufp"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(CURA, "/3D/model.gcode")
    assert run([path], as_json=True) == 0
    assert json.loads(capsys.readouterr().out)[0]["layer_count"] == 50
    assert [entry.name for entry in tmp_path.iterdir()] == ["cube.ufp"]


def test_the_plate_of_a_project_and_binary_gcode(capsys, tmp_path):
    project, binary = tmp_path / "cube.gcode.3mf", tmp_path / "cube.bgcode"
    with zipfile.ZipFile(project, "w") as archive:
        archive.write(CURA, "Metadata/plate_1.gcode")
    binary.write_bytes(binary_gcode([b"G28\n"], {"layer_height": "0.3"}, {}))
    assert run([project, binary], as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found[0]["layer_count"], found[1]["layer_height"]) == (50, 0.3)
