"""Sections are added at the end and taken away as they were; all else stays byte by byte."""

import os
from pathlib import Path

import pytest

from config.paths import Paths
from mrk.errors import MrkError
from nurseries.command_line.config_sections import ConfigFile, NotAdded, WantedSection

WANTED = WantedSection("frontend m", (("path", "/opt/m"), ("port", "80")))
TEXT = "\n[frontend m]\npath: /opt/m\nport: 80\n"
USERS = "# mine\n[server]\nport: 7125\n\n[webcam a]\nstream_url: /x\n# end"


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    (tmp_path / "config").mkdir()
    return Paths.resolve(environ={}, data_path=tmp_path)


def written(paths: Paths, text: str, name: str = "moonraker.conf") -> Path:
    file = paths.config / name
    file.write_bytes(text.encode())
    return file


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_add_and_take_away(paths: Paths, end: str, line_end: str) -> None:
    before = (USERS + end).replace("\n", line_end)
    file = written(paths, before)
    file.chmod(0o640)
    assert ConfigFile(paths).add([WANTED]) == ["frontend m"]
    wanted = before + ("" if end else line_end) + TEXT.replace("\n", line_end)
    assert file.read_bytes() == wanted.encode()
    assert file.stat().st_mode & 0o777 == 0o640
    assert ConfigFile(paths).add([WANTED]) == []
    assert ConfigFile(paths).take_away([WANTED]) == ["frontend m"]
    assert file.read_bytes() == (before + ("" if end else line_end)).encode()
    assert os.listdir(paths.config) == ["moonraker.conf"]


def test_sections_of_a_person_stay(paths: Paths) -> None:
    text = f"{USERS}\n\n[frontend m]\npath: /opt/m\nport: 80\nmode: light\n"
    file = written(paths, text)
    config = ConfigFile(paths)
    assert config.add([WANTED]) == []
    assert config.take_away([WANTED]) == []
    assert file.read_bytes() == text.encode()


def test_one_that_an_include_holds_is_there(paths: Paths) -> None:
    written(paths, "[frontend m]\npath: /opt/other\n", "more.conf")
    file = written(paths, "[server]\n[include more.conf]\n")
    assert ConfigFile(paths).add([WANTED]) == []
    assert "frontend" not in file.read_text()


def test_a_link_stays_one(paths: Paths, tmp_path: Path) -> None:
    real = tmp_path / "real.conf"
    real.write_text("[server]\n")
    (paths.config / "moonraker.conf").symlink_to(real)
    ConfigFile(paths).add([WANTED])
    assert (paths.config / "moonraker.conf").is_symlink()
    assert real.read_text() == "[server]\n" + TEXT


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("mrk.toml", "[server]\n", "is TOML"),
        ("moonraker.conf", "[server]\nport: x\n", "has a mistake"),
        ("moonraker.conf", "[nothing\n", "has a mistake"),
    ],
)
def test_what_is_left_to_the_person(paths: Paths, name: str, text: str, reason: str) -> None:
    file = written(paths, text, name)
    with pytest.raises(NotAdded, match=reason):
        ConfigFile(paths).add([WANTED])
    assert file.read_text() == text
    assert os.listdir(paths.config) == [name]


def test_what_would_have_no_effect(paths: Paths) -> None:
    text = "[server]\n[frontend other]\npath: /opt/other\nport: 80\n"
    file = written(paths, text)
    told = r"moonraker\.conf stays as it is: \[frontend m\] port: 80 is that of \[frontend other\]"
    with pytest.raises(MrkError, match=told) as failed:
        ConfigFile(paths).add([WANTED])
    assert not isinstance(failed.value, NotAdded), "nobody is to add it"
    assert file.read_text() == text


def test_without_a_file(paths: Paths) -> None:
    with pytest.raises(NotAdded, match="there is no moonraker"):
        ConfigFile(paths)


@pytest.mark.parametrize(
    "path",
    ["/opt/m\n\n[authorization]\nforce_logins: True\n\n[frontend n]\npath: /n", "/opt/m #1"],
)
def test_a_value_that_would_be_read_as_something_else_is_not_written(
    paths: Paths, path: str
) -> None:
    file = written(paths, "[server]\n")
    wanted = WantedSection("frontend m", (("path", path), ("mode", "light")))
    with pytest.raises(NotAdded, match="read as something else"):
        ConfigFile(paths).add([wanted])
    assert file.read_text() == "[server]\n"
