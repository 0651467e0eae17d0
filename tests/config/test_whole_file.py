"""Small files: whole or not at all, whatever refuses."""

import errno
import os
import stat

import pytest

from config import whole_file
from config.whole_file import replace_unchanged, sync, sync_file_system, write_whole
from mrk.files.temporary import is_temporary


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_another_content(tmp_path):
    file = tmp_path / "a.conf"
    for content in (b"one", b"", b"two" * 100_000):
        write_whole(file, content)
        assert file.read_bytes() == content
    assert names(tmp_path) == ["a.conf"]


def test_permissions(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    write_whole(tmp_path / "new", b"x")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    for mode in (0o600, 0o664, 0o755):
        write_whole(tmp_path / "new", b"x", mode=mode, owner=(os.geteuid(), os.getegid()))
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode


def test_what_the_check_refuses_is_not_there(tmp_path):
    file = tmp_path / "a.conf"
    file.write_text("old")

    def refuse(part):
        assert part.read_bytes() == b"new"
        assert file.read_text() == "old"
        # Hidden from clients, and swept when it is left behind.
        assert is_temporary(part.name)
        raise ValueError("not so")

    with pytest.raises(ValueError, match="not so"):
        write_whole(file, b"new", check=refuse)
    assert (file.read_text(), names(tmp_path)) == ("old", ["a.conf"])


def test_a_place_that_is_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "no" / "a", b"x")
    (tmp_path / "folder" / "full").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", b"x")
    assert names(tmp_path) == ["folder"]


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    file = tmp_path / "a"
    file.write_text("old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            write_whole(file, b"new")
    assert (file.read_text(), names(tmp_path)) == ("old", ["a"])


def test_a_link_is_replaced_and_not_what_it_names(tmp_path):
    (tmp_path / "other").write_text("kept")
    (tmp_path / "a").symlink_to("other")
    write_whole(tmp_path / "a", b"new")
    assert (tmp_path / "other").read_text() == "kept"
    assert not (tmp_path / "a").is_symlink()
    sync(tmp_path / "a")
    sync(tmp_path)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_file_system_that_syncs_files_only(tmp_path, monkeypatch, number):
    fsync = os.fsync

    def files_only(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    if number == errno.EINVAL:
        write_whole(tmp_path / "x", b"new")
    else:
        with pytest.raises(OSError, match="Input/output"):
            write_whole(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("can", [True, False])
def test_other_file_systems_are_not_waited_for(tmp_path, monkeypatch, can):
    """A share whose server is gone would never end."""
    synced = []
    monkeypatch.setattr(os, "sync", lambda: synced.append(True))
    if not can:
        monkeypatch.setattr(whole_file, "_syncfs", lambda _descriptor: False)
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file"):
        sync_file_system(path)
    assert synced == ([] if can else [True, True])
    with pytest.raises(FileNotFoundError):
        sync_file_system(tmp_path / "none")


@pytest.mark.parametrize("changed", [None, "size", "time", "gone"])
def test_what_was_made_of_a_file_replaces_what_it_was_made_of(tmp_path, changed):
    file, new = tmp_path / "a.gcode", tmp_path / "new"
    file.write_bytes(b"old")
    file.chmod(0o640)
    new.write_bytes(b"new content")
    status = file.stat()
    if changed == "gone":
        file.unlink()
    elif changed == "size":
        file.write_bytes(b"older")
        os.utime(file, ns=(status.st_mtime_ns, status.st_mtime_ns))
    elif changed == "time":
        os.utime(file, ns=(status.st_mtime_ns, status.st_mtime_ns + 1))
    done = replace_unchanged(new, file, (status.st_size, status.st_mtime_ns))
    assert done is (changed is None)
    assert new.exists() is not done
    if done:
        assert file.read_bytes() == b"new content"
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
    else:
        assert new.read_bytes() == b"new content"
        assert names(tmp_path) == (["new"] if changed == "gone" else ["a.gcode", "new"])
