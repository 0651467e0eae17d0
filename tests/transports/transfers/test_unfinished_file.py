"""Unfinished files: kept whole, or gone, on any file system."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrk.files.temporary import is_temporary
from transports.transfers.unfinished_file import UnfinishedFile

DATA = os.urandom(3_000_000)


@pytest.fixture
def other_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on another file system than `tmp_path`."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@pytest.mark.parametrize("nameless", [True, False])
def test_a_kept_file(tmp_path: Path, nameless: bool) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    file = UnfinishedFile(str(tmp_path / "one"), nameless=nameless)
    assert all(is_temporary(name) for name in os.listdir(tmp_path / "one"))
    file.write([memoryview(DATA)[:1000], memoryview(DATA)[1000:]])
    assert file.size_bytes == len(DATA)
    kept = Path(file.keep(str(tmp_path / "two")))
    assert kept.read_bytes() == DATA
    assert kept.parent == tmp_path / "two"
    assert is_temporary(kept.name)
    assert file.closed
    file.discard()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [kept.name]
    umask = os.umask(0)
    os.umask(umask)
    assert kept.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("nameless", [True, False])
def test_a_discarded_file(tmp_path: Path, nameless: bool) -> None:
    file = UnfinishedFile(str(tmp_path), nameless=nameless)
    file.write([memoryview(DATA)])
    file.discard()
    file.discard()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("nameless", [True, False])
def test_onto_another_file_system(tmp_path: Path, other_disk: Path, nameless: bool) -> None:
    file = UnfinishedFile(str(tmp_path), nameless=nameless)
    file.write([memoryview(DATA)])
    kept = Path(file.keep(str(other_disk)))
    assert kept.read_bytes() == DATA
    assert os.listdir(tmp_path) == []
    assert file.closed


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        UnfinishedFile(str(tmp_path / "none"))
    file = UnfinishedFile(str(tmp_path))
    with pytest.raises(FileNotFoundError):
        file.keep(str(tmp_path / "none"))
    file.discard()
    assert os.listdir(tmp_path) == []
