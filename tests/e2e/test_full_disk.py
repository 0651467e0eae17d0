"""A full disk under a whole daemon: it refuses with 507, prints on, and recovers."""

from pathlib import Path

import pytest

from tests.fakes.own_mount import passes_on_small_disk


@pytest.mark.e2e
def test_a_full_disk_stops_no_print(tmp_path: Path) -> None:
    passes_on_small_disk(tmp_path, "24m", "tests.e2e.full_disk")
