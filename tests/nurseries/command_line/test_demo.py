"""A configuration that `mrk demo` finds: edits stay, and a real printer's folder is refused."""

import os
from pathlib import Path

import pytest

from config.paths import Paths
from mrk.errors import MrkError
from nurseries.command_line.demo import check_link, configure, run_demo

EDITS = "\n# mine\n[webcam_proxy]\n\n[frontend other]\npath: /srv/other\nport: 80\n"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths.resolve(environ={}, data_path=tmp_path)


def test_a_port_that_is_asked_for_changes_that_option_alone(paths: Paths) -> None:
    file = paths.config / "moonraker.conf"
    assert configure(paths, None) == 7125
    before = file.read_bytes() + EDITS.encode() + b"# \xfc\n"
    file.write_bytes(before)
    assert configure(paths, 7200) == 7200
    assert file.read_bytes() == before.replace(b"port: 7125", b"port: 7200")
    assert [one.name for one in paths.config.iterdir()] == [file.name]


def test_a_port_that_cannot_be_written(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    file = paths.config / "moonraker.conf"
    configure(paths, None)
    before = file.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MrkError, match=r"cannot be written into .*; without --port it stays 7125"):
        configure(paths, 7200)
    assert file.read_bytes() == before


@pytest.mark.parametrize("option", ["port = 7300", "port:7300", "port: 7300  # mine"])
def test_an_edited_port_stays(paths: Paths, option: str) -> None:
    file = paths.config / "moonraker.conf"
    configure(paths, 7125)
    edited = file.read_text().replace("port: 7125", option) + EDITS
    file.write_text(edited)
    assert configure(paths, None) == 7300
    assert file.read_text() == edited


def test_a_port_of_another_section_is_not_the_servers(paths: Paths) -> None:
    file = paths.config / "moonraker.conf"
    configure(paths, None)
    edited = file.read_text().replace("port: 7125\n", "") + EDITS
    file.write_text(edited)
    assert configure(paths, None) == 7125
    with pytest.raises(MrkError, match=r"no port in \[server\]: write `port: 7200` there"):
        configure(paths, 7200)
    assert file.read_text() == edited


def test_the_folder_of_a_real_printer_is_refused_and_stays_as_it_is(paths: Paths) -> None:
    texts = {"moonraker.conf": "[server]\nport: 7125\n", "printer.cfg": "[printer]\n"}
    paths.config.mkdir()
    for name, text in texts.items():
        (paths.config / name).write_text(text)
    with pytest.raises(MrkError, match=r"is a printer's, not a demo's"):
        run_demo(paths.data, 7200, 1.0)
    assert {one.name: one.read_text() for one in paths.config.iterdir()} == texts
    assert [one.name for one in paths.data.iterdir()] == ["config"]


def test_a_configuration_that_somebody_wrote_before_the_first_start_stays(paths: Paths) -> None:
    paths.config.mkdir()
    (paths.config / "moonraker.conf").write_text("[server]\nport: 7300\n")
    assert configure(paths, None) == 7300


def test_a_link_to_another_printer_is_refused(paths: Paths) -> None:
    """Without the option it is where a real Klipper listens."""
    paths.config.mkdir()
    file = paths.config / "moonraker.conf"
    file.write_text("[server]\nport: 7300\n")
    with pytest.raises(MrkError, match=r"/tmp/klippy_uds, not to the demo's: write `klippy_uds_"):
        run_demo(paths.data, None, 1.0)
    assert [one.name for one in paths.data.iterdir()] == ["config"]
    assert [one.name for one in paths.config.iterdir()] == [file.name]
    file.write_text("[server]\nklippy_uds_address: {data_path}/comms/klippy.sock\n")
    check_link(paths, paths.comms / "klippy.sock")
