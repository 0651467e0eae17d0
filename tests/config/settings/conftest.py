"""Reading of a configuration that holds one family's sections."""

import pytest

from config.load import load
from config.paths import Paths


@pytest.fixture
def read(tmp_path):
    """`read(text)` loads `text` behind empty `[server]` and `[authorization]`."""

    def read(text):
        file = tmp_path / "x.conf"
        file.write_text(f"[server]\n[authorization]\n{text}")
        return load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))

    return read
