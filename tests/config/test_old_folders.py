"""Options of the time before the data folder: honoured while the usual place is empty."""

from pathlib import Path

import pytest

from config.load import link_old_folders, load
from config.paths import Paths, create_folders

OPTIONS = [
    ("[server]\nconfig_path: {old}\n", "config"),
    ("[server]\n[file_manager]\nlog_path: {old}\n", "logs"),
    ("[server]\n[database]\ndatabase_path: {old}\n", "database"),
    ("[server]\ndatabase_path: {old}\n", "database"),
]


class Place:
    def __init__(self, home):
        self.home = home
        self.old = home / "old"
        self.old.mkdir()
        file = home / "mrk.conf"
        self.paths = Paths.resolve(environ={}, data_path=home / "data", config_file=file)
        create_folders(self.paths)

    def load(self, text):
        self.paths.config_file.write_text(text.format(old=self.old) + "[authorization]\n")
        return load(self.paths)

    def linked(self, text):
        link_old_folders(self.load(text), self.paths)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return Place(tmp_path)


@pytest.mark.parametrize(("text", "name"), OPTIONS)
def test_an_empty_folder_becomes_a_link(place, text, name):
    (warning,) = place.load(text).warnings
    usual = place.paths.data / name
    assert "is deprecated and makes" in warning
    assert f"{usual} a link to {place.old}" in warning
    place.linked(text)
    assert usual.resolve() == place.old.resolve()
    (warning,) = place.load(text).warnings
    assert "no longer needed" in warning
    place.linked(text)
    assert usual.is_symlink()


@pytest.mark.parametrize(("text", "name"), OPTIONS)
def test_a_folder_with_files_is_left_alone(place, text, name):
    (place.paths.data / name / "precious").touch()
    (warning,) = place.load(text).warnings
    assert "has no effect" in warning
    assert "has files of its own" in warning
    place.linked(text)
    assert (place.paths.data / name / "precious").exists()


@pytest.mark.parametrize("folder", ["/etc", "/", "{home}", "{home}/.ssh", "{home}/nowhere"])
def test_only_folders_of_the_home_are_shown_to_clients(place, folder):
    (place.home / ".ssh").mkdir()
    option = f"log_path: {folder.format(home=place.home)}\n"
    (warning,) = place.load(f"[server]\n{option}").warnings
    assert "has no effect" in warning
    place.linked(f"[server]\n{option}")
    assert not place.paths.logs.is_symlink()


def test_in_server_beside_its_own_section_it_has_no_effect(place):
    (warning,) = place.load("[server]\nlog_path: {old}\n[file_manager]\n").warnings
    assert "has moved to section [file_manager], which is written too" in warning


def test_other_options_of_older_versions(place):
    text = "[server]\n[authorization]\nenabled: False\napi_key_file: x\n[database]\n"
    place.paths.config_file.write_text(f"{text}enable_database_debug: True\n")
    configuration = load(place.paths)
    assert len(configuration.warnings) == 3
    assert all("is of an older version" in text for text in configuration.warnings)
    assert configuration.clean
