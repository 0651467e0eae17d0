"""A full disk: errors are 507, mrk starts and goes on, and space comes back."""

from pathlib import Path

import pytest

from tests.fakes.own_mount import passes_on_small_disk


@pytest.mark.e2e
def test_a_full_disk_is_survived(tmp_path: Path) -> None:
    passes_on_small_disk(tmp_path, "600k", "tests.nurseries.database.full_disk")
