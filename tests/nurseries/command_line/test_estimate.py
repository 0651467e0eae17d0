"""`mrk estimate FILE...`."""

import json
import zipfile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mrk.estimate.printer_limits import DEFAULT_LIMITS
from nurseries.command_line.estimate import command, run
from tests.fakes.binary_gcode import binary_gcode

DATA = Path(__file__).parents[2] / "data" / "gcode"
CUBE = DATA / "prusa-slicer-2.5.0-defaults-noprofile.gcode"
CONFIG = """
[include limits/*.cfg]
[printer]
kinematics: corexy
max_velocity: 300  # fast
max_z_velocity: 15
max_z_accel: 100
[extruder]
nozzle_diameter: 0.4
filament_diameter: 1.75
gcode:
    G28
"""
SAVED = "\n#*# <--- SAVE_CONFIG --->\n#*# [printer]\n#*# max_accel = 3000\n"


@pytest.fixture
def config(tmp_path) -> Path:
    (tmp_path / "limits").mkdir()
    (tmp_path / "limits" / "a.cfg").write_text("[printer]\nmax_accel: 100\n[gcode_arcs]\n")
    path = tmp_path / "printer.cfg"
    path.write_text(CONFIG + SAVED)
    return path


def call(*arguments: object):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_a_program_reads_an_array_of_times(config):
    result = call("--json", "--config", config, CUBE)
    assert result.exit_code == 0
    (record,) = json.loads(result.stdout)
    assert record["filename"] == str(CUBE)
    # A real Klipper with these limits: 64.823 s.
    assert record["total_time"] == pytest.approx(64.823, rel=1e-3)
    assert record["num_moves"] == 440
    assert record["filament_used"] == {"0": pytest.approx(50.09654)}
    assert record["commands"]["G28"] == 2


def test_a_person_reads_what_the_time_goes_into(capsys):
    assert run([CUBE], DEFAULT_LIMITS, as_json=False) == 0
    out = capsys.readouterr().out
    assert f"{CUBE}: 1m " in out
    assert "  printing " in out
    assert "without a time   G28 (2), M109 (1)" in out


def test_packages_and_binary_files_are_planned_as_their_text(tmp_path, capsys):
    text = CUBE.read_bytes()
    project, binary = tmp_path / "cube.gcode.3mf", tmp_path / "cube.bgcode"
    with zipfile.ZipFile(project, "w") as archive:
        archive.writestr("Metadata/plate_1.gcode", text)
    binary.write_bytes(binary_gcode([text], {}, {}))
    assert run([CUBE, project, binary], DEFAULT_LIMITS, as_json=True) == 0
    times = {one["total_time"] for one in json.loads(capsys.readouterr().out)}
    assert len(times) == 1


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_planned(tmp_path, capsys):
    broken = tmp_path / "broken.ufp"
    broken.write_bytes(b"PK")
    assert run([tmp_path / "none.gcode", tmp_path, broken, CUBE], DEFAULT_LIMITS, False) == 1
    output = capsys.readouterr()
    assert "none.gcode: No such file or directory" in output.err
    assert str(broken) in output.err
    assert "not a regular file" in output.err
    assert str(CUBE) in output.out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[extruder]\n", "there is no section [printer]"),
        ("[printer]\nmax_velocity: 300\n", "[printer] max_accel is missing"),
        ("[printer]\nmax_velocity: fast\nmax_accel: 1\n", "max_velocity: fast (a number expected)"),
        ("[printer]\nmax_velocity: 300\nmax_accel: 0\n", "a number from 1e-06 to 1e+09"),
        ("max_velocity: 300\n", "no section headers"),
        ("[include gone.cfg]\n", "includes gone.cfg, which is not there"),
    ],
)
def test_a_configuration_that_no_plan_can_be_made_with_is_named(tmp_path, text, reason):
    path = tmp_path / "printer.cfg"
    path.write_text(text)
    result = call("--config", path, CUBE)
    assert result.exit_code == 1
    assert reason in result.stderr
    assert str(path) in result.stderr


def test_files_that_include_each_other_are_read_once(tmp_path, config):
    config.write_text(CONFIG + "[include printer.cfg]\n" + SAVED)
    assert call("--config", config, CUBE).exit_code == 0
    result = call("--config", tmp_path / "gone.cfg", CUBE)
    assert "gone.cfg: No such file or directory" in result.stderr


def test_a_long_file_has_a_bar_on_a_terminal(tmp_path, monkeypatch, capsys):
    path = tmp_path / "long.gcode"
    path.write_bytes(b"G1 X10 F6000\nG1 X0\n" * 300_000)
    shown = []
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    monkeypatch.setattr(click, "progressbar", lambda **about: _FakeBar(about, shown))
    assert run([path], DEFAULT_LIMITS, as_json=True) == 0
    assert sum(shown) == path.stat().st_size
    assert json.loads(capsys.readouterr().out)[0]["num_moves"] == 600_000


class _FakeBar:
    def __init__(self, about, shown):
        assert about["length"] > 5_000_000
        self.update = shown.append

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass
