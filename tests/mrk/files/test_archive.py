from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from mrk.files.archive import MemberNames, member_name
from mrk.files.paths import RootPath

names = st.lists(st.sampled_from(["..", ".", "", "a", "b c", "..\\x", "caf\udce9", "ä", "/x"]))


@given(st.sampled_from(["config", "..", "", "a/b"]), names)
def test_no_member_climbs_out(folder, parts):
    name = member_name(folder, RootPath("config", tuple(parts)))
    if name is None:
        return
    path = PurePosixPath(name)
    assert not path.is_absolute()
    assert ".." not in path.parts
    assert "\\" not in name
    assert len(path.parts) == 1 + len(parts)
    name.encode()


def test_names_begin_with_the_root_folders_name():
    assert member_name("config", RootPath("config", ("a", "b.cfg"))) == "config/a/b.cfg"


def test_each_name_once():
    names = MemberNames()
    assert names.claim("a")
    assert not names.claim("a")
