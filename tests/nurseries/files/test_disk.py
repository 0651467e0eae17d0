"""Looks at the disk: writers, differences, refusals of the system."""

import errno
import os

import pytest
import trio

from mrk.files.paths import RootPath
from mrk.files.reserved import Permissions, ReservedPaths
from mrk.files.roots import Root, Roots
from nurseries.files import disk, disk_paths
from nurseries.files.os_errors import refusal

OPEN = ReservedPaths({})


def test_who_writes(tmp_path):
    file = tmp_path / "a"
    with file.open("w") as writer:
        assert disk.being_written(str(file)) is True
        writer.write("x")
    assert disk.being_written(str(file)) is False
    with file.open():  # a reader is no writer
        assert disk.being_written(str(file)) is False
    assert disk.being_written(str(tmp_path / "nothing")) is None


async def test_differences(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "same").write_text("x")
    (tmp_path / "gone").write_text("x")
    (tmp_path / "changed").write_text("x")
    run = trio.to_thread.run_sync
    first = await run(lambda: disk.compare(str(tmp_path), {}, OPEN, ask_writers=True))
    assert set(first.present) == {"d", "same", "gone", "changed"}
    known = {name: look.stat for name, look in first.present.items()}
    (tmp_path / "gone").unlink()
    (tmp_path / "changed").write_text("xy")
    (tmp_path / "new").write_text("x")
    second = await run(lambda: disk.compare(str(tmp_path), known, OPEN, ask_writers=True))
    assert set(second.present) == {"changed", "new"}
    assert second.gone == ["gone"]
    absent = await run(lambda: disk.compare(str(tmp_path / "no"), {}, OPEN, ask_writers=True))
    assert absent.stat is None


def test_links_show_what_they_lead_to(tmp_path):
    (tmp_path / "secret").write_text("xyz")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    reserved = ReservedPaths({str(tmp_path / "secret"): Permissions.NONE})
    stat = disk.look(str(tmp_path / "link"), reserved)
    assert (stat.is_link, stat.size, stat.permissions) == (True, 3, "")


def test_closed_places_by_another_spelling(tmp_path):
    """As on a file system that ignores case: another name, the same folder."""
    (tmp_path / "root").mkdir()
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "key").write_text("x")
    os.link(tmp_path / "closed" / "key", tmp_path / "root" / "KEY")
    closed = [str(tmp_path / "closed"), str(tmp_path / "closed" / "key")]
    reserved = ReservedPaths(
        dict.fromkeys(closed, Permissions.NONE), disk_paths.identities_of(closed)
    )
    roots = Roots(reserved)
    roots.register(Root("root", str(tmp_path / "root"), str(tmp_path / "root"), writable=True))
    with pytest.raises(Exception, match="not allowed"):
        disk_paths.find(roots, RootPath("root", ("KEY",)), write=False)
    assert disk_paths.find(roots, RootPath("root", ("other",)), write=True).stat is None


@pytest.mark.parametrize(
    ("number", "status"),
    [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EACCES, 400), (errno.ENAMETOOLONG, 400)],
)
def test_what_the_system_refuses(number, status):
    error = refusal(OSError(number, os.strerror(number)), "it failed")
    assert error.status == status
    assert os.strerror(number) in error.message


def test_the_root_file_system_is_not_on_a_network():
    assert disk.on_network(os.stat("/proc").st_dev) is False


def test_real_paths(tmp_path):
    (tmp_path / "folder/inner (deleted)").mkdir(parents=True)
    (tmp_path / "folder/file").write_text("x")
    (tmp_path / "link").symlink_to("folder/../folder")
    (tmp_path / "dangling").symlink_to("nowhere/at all")
    os.mkfifo(tmp_path / "pipe")  # is not opened
    inside = ("", "folder", "folder/file", "folder/inner (deleted)", "link", "link/file", "pipe")
    missing = ("dangling", "gone", "gone/further", "link/gone", "folder/file/below")
    for name in (*inside, *missing, "folder/./../folder", "link/.."):
        path = f"{tmp_path}/{name}"
        assert disk.real_path(path) == os.path.realpath(path), name
    assert disk.real_path("/") == "/"


async def test_a_deep_folder_is_not_looked_up_step_by_step(tmp_path, monkeypatch):
    deep = tmp_path.joinpath(*["d"] * 100)
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    looked, lstat = [], os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **how: looked.append(path) or lstat(path, **how))
    found = await trio.to_thread.run_sync(lambda: dict(disk.read_folder(str(deep), OPEN)))
    assert list(found) == ["file"]
    assert disk.look(f"{deep}/file", OPEN) == found["file"]
    assert looked == [f"{deep}/file"]
