"""A full disk: uploads are refused with 507, and go on when there is space."""

from pathlib import Path

import pytest

from tests.fakes.own_mount import passes_on_small_disk


@pytest.mark.e2e
def test_uploads_onto_a_full_disk(tmp_path: Path) -> None:
    passes_on_small_disk(tmp_path, "32m", "tests.transports.transfers.full_disk")
