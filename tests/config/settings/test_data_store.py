"""[data_store], every bound at its edge."""

import pytest

from config.load import load
from config.paths import Paths


@pytest.mark.parametrize(
    ("option", "high"), [("temperature_store_size", 86400), ("gcode_store_size", 100000)]
)
def test_bounds(tmp_path, option, high):
    file = tmp_path / "x.conf"

    def read(value):
        file.write_text(f"[server]\n[data_store]\n{option}: {value}\n")
        paths = Paths.resolve(environ={}, data_path=tmp_path, config_file=file)
        return getattr(load(paths).settings.data_store, option)

    assert read(0) == 0
    assert read(high) == high
    assert read(-1) == 0
    assert read(high + 1) == high
