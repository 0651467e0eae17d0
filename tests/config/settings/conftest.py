"""Reading of a configuration that holds one family's sections."""

import pytest

from config.load import load
from config.paths import Paths


@pytest.fixture
def failed(read):
    """`failed(component, text)` is why that component does not run; everything else does."""

    def failed(component, text):
        loaded = read(text)
        assert [failure.component for failure in loaded.failures] == [component]
        reasons = [warning for warning in loaded.warnings if f"[{component}]" in warning]
        assert loaded.failures[0].reason in reasons
        assert not loaded.clean
        return " ".join(reasons)

    return failed


@pytest.fixture
def read(tmp_path):
    """`read(text)` loads `text` behind empty `[server]` and `[authorization]`."""

    def read(text):
        file = tmp_path / "x.conf"
        file.write_text(f"[server]\n[authorization]\n{text}")
        return load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))

    return read
