import pytest

from mrk.errors import ClientError
from mrk.files.records import Action, Change, Item, SourceItem, Stat
from mrk.files.reserved import Permissions, ReservedPaths
from mrk.files.roots import READ_ONLY, Root, Roots, require_writable
from mrk.files.tree import Folder, Tree, files_below


def stat(*, folder=False, inode=1, size=3, link=False, permissions=Permissions.WRITE):
    return Stat(folder, size, 1.5, 1_500_000_000, 7, inode, link, permissions)


@pytest.fixture
def tree():
    tree = Tree("gcodes", stat(folder=True))
    a = tree.put(tree.top, "a", stat(folder=True, inode=2))
    tree.put(a, "x.gcode", stat(inode=3))
    tree.put(tree.top, "caf\udce9", stat(inode=4))
    return tree


def test_finding(tree):
    assert isinstance(tree.find(("a",)), Folder)
    assert tree.find(("a", "x.gcode")) == stat(inode=3)
    assert tree.find(("a", "x.gcode", "deeper")) is None
    assert tree.folder(()) is tree.top
    assert tree.folder(("a", "x.gcode")) is None
    tree.folder(("a",)).opaque = True
    assert tree.folder(("a",)) is None


def test_listing_leaves_out_what_cannot_be_named(tree):
    assert [path for path, _stat in files_below(tree.top)] == ["a/x.gcode"]


def test_folders_move_with_what_is_in_them(tree):
    before = tree.version
    folder = tree.remove(tree.top, "a")
    assert not tree.holds(folder)
    other = Tree("config", stat(folder=True))
    other.attach(other.top, "b", folder)
    assert other.holds(folder)
    assert other.place(folder, "x.gcode").path == "b/x.gcode"
    assert tree.version > before
    assert tree.find(("a",)) is None
    assert other.version == 1
    # Another folder of that name is in the place of the first.
    other.put(other.top, "b", stat())
    other.put(other.top, "b", stat(folder=True))
    assert other.version == 3
    assert not other.holds(folder)


def test_a_folder_that_stays_one_keeps_its_contents(tree):
    tree.put(tree.top, "a", stat(folder=True, inode=2, size=9))
    assert tree.find(("a", "x.gcode")) is not None
    assert tree.folder(("a",)).stat.size == 9
    tree.put(tree.top, "a", stat())
    assert tree.find(("a", "x.gcode")) is None


def test_a_snapshot_bears_changes_between_its_steps(tree):
    for number in range(10):
        tree.put(tree.top, f"{number}.gcode", stat(inode=10 + number))
    seen = []
    for path, _stat in files_below(tree.top):
        seen.append(path)
        tree.remove(tree.top, "9.gcode")
    assert "9.gcode" not in seen


@pytest.mark.parametrize(
    ("found", "writable", "allowed"),
    [
        (stat(), True, "rw"),
        (stat(), False, "r"),
        (stat(link=True), True, "r"),
        (stat(folder=True, link=True), True, "rw"),
        (stat(permissions=Permissions.READ), True, "r"),
        (stat(permissions=Permissions.NONE), True, ""),
    ],
)
def test_permissions(found, writable, allowed):
    assert found.allowed(writable) == allowed


def test_what_counts_as_written():
    assert stat().same_content(stat(link=True))
    assert not stat().same_content(stat(size=4))
    assert not stat().same_content(stat(inode=9))


def test_changes_know_their_places():
    item = Item("a/b", "gcodes", 0, 0, "")
    change = Change(Action.MOVE_FILE, item, SourceItem("c", "config"))
    assert (str(change.place), str(change.source)) == ("gcodes/a/b", "config/c")
    assert change.params() == [change]
    assert Change(Action.ROOT_UPDATE, Item(".", "docs", 0, 0, "r")).place.parts == ()


def test_roots():
    roots = Roots(ReservedPaths({}))
    gcodes = Root("gcodes", "/data/gcodes", "/mnt/gcodes", writable=True)
    assert roots.register(gcodes)
    assert not roots.register(gcodes)
    assert roots.register(Root("logs", "/data/logs", "/data/logs", writable=False))
    assert roots.names == ["gcodes", "logs"]
    root, path = roots.locate("gcodes/a/b")
    assert root.disk_path(path.parts) == "/mnt/gcodes/a/b"
    assert root.info().permissions == "rw"
    require_writable(root)
    with pytest.raises(ClientError) as caught:
        require_writable(roots.get("logs"), READ_ONLY)
    assert caught.value.status == 405
    with pytest.raises(ClientError, match="no root"):
        roots.within("nowhere", "a")
