"""Places that the daemon's user may not look into: told as such, and no end of the start."""

import pytest

from config.check import check
from config.config_errors import ConfigError
from config.load import find_file, load
from config.paths import Paths, create_folders
from tests.fakes.without_rights import closed_folder, without_rights


def test_every_option_that_names_a_file():
    with closed_folder() as closed:
        data = closed.parent / "data"
        data.mkdir()
        (data / "config").mkdir()
        (data / "certs").symlink_to(closed)
        file = data / "config/moonraker.conf"
        file.write_text(
            f"[server]\nssl_certificate_path: {closed}/there\nssl_key_path: {closed}/there\n"
            f"[file_manager]\nconfig_path: {closed}/x\n[database]\ndatabase_path: {closed}/x\n"
            f"[secrets]\nsecrets_path: {closed}/there\n"
            f"[mqtt]\naddress: x\nenable_moonraker_api: no\ntls_ca_path: {closed}/there\n"
        )
        with without_rights():
            paths = Paths.resolve(environ={}, data_path=data)
            said = "\n".join(check(None, paths))
            configuration = load(paths)
        assert f"[mqtt] tls_ca_path: {closed}/there cannot be read: Permission denied" in said
        assert f"The secrets file {closed}/there cannot be read: Permission denied" in said
        assert "does not exist" not in said
        assert configuration.settings.server.ssl_certificate_path == paths.certificate


def test_an_include():
    with closed_folder() as closed:
        file = closed.parent / "a.conf"
        file.write_text(f"[server]\n[include {closed}/there]\n")
        with without_rights():
            said = check(file, Paths.resolve(environ={}, data_path=closed.parent))
        assert said == [f"a.conf:2: [include {closed}/there] Permission denied"]


def test_the_folders_themselves():
    told = r"cannot be opened by user \d+: Permission denied"
    with closed_folder() as closed, without_rights(), pytest.raises(ConfigError, match=told):
        create_folders(Paths.resolve(environ={}, data_path=closed))
    with closed_folder() as closed:
        (closed.parent / "config").symlink_to(closed)
        paths = Paths.resolve(environ={}, data_path=closed.parent)
        named = paths._replace(config_file=closed / "x.conf")
        with without_rights():
            for one in (paths, named):
                with pytest.raises(ConfigError, match=r"\.conf: cannot be read: Permission"):
                    find_file(one)
