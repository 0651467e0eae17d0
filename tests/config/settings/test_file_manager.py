"""[file_manager]: defaults, bounds at their edges, old names."""

import pytest

from config.settings.file_manager import FileManagerSettings


@pytest.fixture
def read(read):
    return lambda text="": read(f"[file_manager]\n{text}")


def test_defaults(read):
    loaded = read()
    assert loaded.settings.file_manager == FileManagerSettings()
    assert loaded.warnings == []


@pytest.mark.parametrize(
    ("text", "value"), [("inotify", "inotify"), ("INotify", "inotify"), ("None", "none")]
)
def test_observers_in_any_case(read, text, value):
    loaded = read(f"file_system_observer: {text}\n")
    assert loaded.settings.file_manager.file_system_observer == value
    assert loaded.warnings == []


def test_an_unknown_observer_is_a_warning_and_none(read):
    loaded = read("file_system_observer: fanotify\n")
    assert loaded.settings.file_manager.file_system_observer == "none"
    assert "file_system_observer" in loaded.warnings[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("enable_inotify_warnings: no\n", False),
        ("enable_inotify_warnings: no\nenable_observer_warnings: yes\n", True),
    ],
)
def test_the_old_name_counts_where_the_new_one_is_absent(read, text, value):
    loaded = read(text)
    assert loaded.settings.file_manager.enable_observer_warnings is value
    assert "deprecated" in loaded.warnings[0]


@pytest.mark.parametrize("option", ["config_path", "log_path"])
def test_old_folders_are_ignored_with_a_warning(read, option):
    assert "deprecated" in read(f"{option}: /elsewhere\n").warnings[0]


def test_bounds_of_the_parser(read):
    option = "default_metadata_parser_timeout"
    for text in ("0.1", "3600"):
        loaded = read(f"{option}: {text}\n")
        assert (loaded.settings.file_manager.metadata_parser_s, loaded.warnings) == (
            float(text),
            [],
        )
    for text, used in (("0", 0.1), ("3600.1", 3600), ("soon", 20)):
        loaded = read(f"{option}: {text}\n")
        assert loaded.settings.file_manager.metadata_parser_s == used
        (warning,) = loaded.warnings
        assert option in warning
        assert "(expected 0.1 to 3600)" in warning


def test_a_restriction_that_cannot_be_read_counts(read):
    loaded = read("enable_config_write_access: nope\n")
    assert loaded.settings.file_manager.enable_config_write_access is False
    assert "read-only until then" in loaded.warnings[0]
