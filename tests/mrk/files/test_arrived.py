import pytest

from mrk.files.arrived import ArrivedFile


@pytest.mark.parametrize(
    ("arrived", "size", "modified", "sha256", "another"),
    [
        ("a", 3, 1.5, "b", True),
        ("a", 3, 1.5, "a", False),
        # Another size or time tells them apart by itself.
        ("a", 4, 1.5, "b", False),
        ("a", 3, 1.504, "b", False),
        # What has no digest is not known to be another.
        ("a", 3, 1.5, None, False),
        (None, 3, 1.5, "b", False),
    ],
)
def test_two_files_of_one_tick(arrived, size, modified, sha256, another):
    assert ArrivedFile(3, 1.5, arrived).is_another(size, modified, sha256) is another
