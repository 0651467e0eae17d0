"""The data folder from command line and environment."""

from pathlib import Path

import pytest

from config.config_errors import ConfigError
from config.paths import Paths, create_folders

HOME = {"HOME": "/home/pi"}


def test_defaults():
    paths = Paths.resolve(environ=HOME)
    data = Path("/home/pi/printer_data")
    assert paths.data == data
    assert paths.config_file is None
    assert paths.log_file == data / "logs/moonraker.log"
    assert paths.unix_socket == data / "comms/moonraker.sock"
    flags = (paths.nologfile, paths.structured, paths.verbose, paths.debug, paths.asyncio_debug)
    assert not any(flags)


def test_environment():
    paths = Paths.resolve(
        environ={
            **HOME,
            "MOONRAKER_DATA_PATH": "~/data",
            "MOONRAKER_CONFIG_PATH": "/etc/m.conf",
            "MOONRAKER_LOG_PATH": "/var/log/m.log",
            "MOONRAKER_UDS_PATH": "/run/m.sock",
            "MOONRAKER_STRUCTURED_LOGGING": "y",
            "MOONRAKER_VERBOSE_LOGGING": "YES",
            "MOONRAKER_ENABLE_DEBUG": "True",
            "MOONRAKER_ASYNCIO_DEBUG": "1",
        }
    )
    assert paths.data == Path("/home/pi/data")
    assert paths.config_file == Path("/etc/m.conf")
    assert paths.log_file == Path("/var/log/m.log")
    assert paths.unix_socket == Path("/run/m.sock")
    assert (paths.structured, paths.verbose, paths.debug) == (True, True, True)
    assert not paths.asyncio_debug


def test_arguments_win():
    paths = Paths.resolve(
        environ={
            "MOONRAKER_DATA_PATH": "/env",
            "MOONRAKER_CONFIG_PATH": "/env.conf",
            "MOONRAKER_VERBOSE_LOGGING": "y",
        },
        data_path="/arg",
        config_file=Path("/arg.conf"),
        verbose=False,
        debug=True,
    )
    assert paths.data == Path("/arg")
    assert paths.config_file == Path("/arg.conf")
    assert paths.log_file == Path("/arg/logs/moonraker.log")
    assert not paths.verbose
    assert paths.debug


def test_empty_variables_count_as_unset():
    assert Paths.resolve(environ={**HOME, "MOONRAKER_CONFIG_PATH": ""}).config_file is None


@pytest.mark.parametrize("variable", ["y", "yes", "true", "TRUE"])
def test_no_log_file(variable):
    paths = Paths.resolve(
        environ={**HOME, "MOONRAKER_DISABLE_FILE_LOG": variable}, log_file="/x.log"
    )
    assert paths.nologfile
    assert paths.log_file is None


def test_relative_paths_become_absolute():
    assert Paths.resolve(environ=HOME, data_path="d").data == Path.cwd() / "d"


def test_folders_are_created_once_and_one_level(tmp_path):
    paths = Paths.resolve(environ=HOME, data_path=tmp_path / "data")
    create_folders(paths)
    create_folders(paths)
    assert paths.logs.is_dir()
    assert paths.comms.is_dir()
    with pytest.raises(ConfigError, match="folder cannot be created"):
        create_folders(Paths.resolve(environ=HOME, data_path=tmp_path / "a" / "b"))


def test_linked_folders_are_normal(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    paths = Paths.resolve(environ=HOME, data_path=tmp_path)
    paths.logs.symlink_to(tmp_path / "elsewhere")
    create_folders(paths)
    assert paths.logs.is_symlink()
