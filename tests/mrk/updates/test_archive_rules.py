"""Which archives are unpacked: names, kinds, and bounds at their edges."""

import itertools
import stat
from zipfile import ZipInfo

import pytest

from mrk.updates.archive_rules import (
    MOST_MEMBERS,
    MOST_RATIO,
    MOST_UNPACKED_BYTES,
    RATIO_FROM_BYTES,
    ArchiveRefused,
    check_members,
    check_size,
    mode_of,
)


def member(name: str = "a", mode: int = 0, *, size: int = 0, flags: int = 0) -> ZipInfo:
    made = ZipInfo("x")
    made.filename, made.file_size, made.flag_bits = name, size, flags
    made.external_attr = mode << 16
    return made


@pytest.mark.parametrize(
    "name", ["a", "a/b/", "index.html", "a b", "a..b", "...", "a/:x", "ä" * 500, "\x7f"]
)
def test_names_that_are_unpacked(name: str) -> None:
    assert check_members([member(name, size=3)], 1) == 3


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/etc/passwd", "../x", "a/../b", "a/..", "./a", "a/./b", "a//b", "a\\b", "C:/x"),
        *("a\nb", "a\x1f", "\0", "ä" * 500 + "x"),
    ],
)
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(ArchiveRefused, match="a file of the name"):
        check_members([member("good"), member(name)], 1)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_kinds_that_are_refused(kind: int) -> None:
    with pytest.raises(ArchiveRefused, match="a link or a special file"):
        check_members([member(mode=kind | 0o777)], 1)


def test_kinds_that_are_unpacked() -> None:
    found = [member("a", stat.S_IFREG | 0o644), member("b/", stat.S_IFDIR | 0o755), member("c")]
    assert check_members(found, 1) == 0
    with pytest.raises(ArchiveRefused, match="encrypted"):
        check_members([member(flags=0x801)], 1)
    assert check_members([member(flags=0x800)], 1) == 0


def test_what_is_there_twice() -> None:
    assert check_members([member("a/"), member("a/"), member("a/b")], 1) == 0
    for twice in (["a", "a"], ["a/", "a"], ["a", "a/"]):
        with pytest.raises(ArchiveRefused, match="'a' twice"):
            check_members([member(name) for name in twice], 1)


def test_bounds() -> None:
    taken = itertools.count(1)
    endless = (member(f"f{next(taken)}") for _ in itertools.repeat(None))
    with pytest.raises(ArchiveRefused, match="more than 50000 files"):
        check_members(endless, 1)
    assert next(taken) == MOST_MEMBERS + 2  # the one too many was the last
    check_size(MOST_UNPACKED_BYTES, MOST_UNPACKED_BYTES)
    with pytest.raises(ArchiveRefused, match="more than 2048 MiB"):
        check_size(MOST_UNPACKED_BYTES + 1, MOST_UNPACKED_BYTES)
    check_size(RATIO_FROM_BYTES, 1)
    large = (RATIO_FROM_BYTES // MOST_RATIO + 1) * MOST_RATIO
    check_size(large, large // MOST_RATIO)
    with pytest.raises(ArchiveRefused, match="more than 200 times its size"):
        check_members([member("a", size=large), member("b", size=1)], large // MOST_RATIO)


@pytest.mark.parametrize(
    ("mode", "unpacked"),
    [(0, 0o644), (stat.S_IFREG, 0o644), (0o755, 0o755), (0o444, 0o644), (0o6755, 0o755)],
)
def test_permissions(mode: int, unpacked: int) -> None:
    assert mode_of(member(mode=mode)) == unpacked
