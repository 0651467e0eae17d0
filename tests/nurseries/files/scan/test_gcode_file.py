"""A g-code file as it lies on the disk."""

import os
from pathlib import Path

import pytest

from nurseries.files.scan.gcode_file import GcodeFile, NotAFile


def test_any_part_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"0123456789")
    with GcodeFile(path) as file:
        assert (file.size_bytes, file.mtime_ns) == (10, path.stat().st_mtime_ns)
        assert file.read_at(0, 4) == b"0123"
        assert file.read_at(8, 4) == b"89"
        assert file.read_at(10, 4) == b""
        assert file.read_at(3, 0) == b""
        descriptor = file.fd
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_what_is_no_file_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(NotAFile, match="not a regular file"):
            GcodeFile(tmp_path / name)
