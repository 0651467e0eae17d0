"""A disk that is full after ten amounts of bytes: the item is old or new, never neither."""

import pytest

from tests.fakes.own_mount import passes_on_small_disk


@pytest.mark.e2e
def test_a_full_disk_leaves_the_old_or_the_new(tmp_path):
    passes_on_small_disk(tmp_path, "240m", "tests.nurseries.update_manager.full_disk")
