"""A read-only data folder keeps nobody from the printer."""

from pathlib import Path

import pytest

from tests.fakes.own_mount import passes_on_small_disk


@pytest.mark.e2e
def test_a_read_only_data_folder_starts_and_the_printer_can_be_stopped(tmp_path: Path) -> None:
    passes_on_small_disk(tmp_path, "64m", "tests.e2e.read_only")
