"""Bundles: short ones by hand, long ones against a model of what a client believes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.files.changes import BUNDLE_S, LONGEST_S, Bundle
from mrk.files.paths import RootPath
from mrk.files.records import Action, Change, Item, SourceItem


def make(action, path, source=None):
    item = Item(path, "gcodes", 0.0, 0, "rw")
    return Change(Action(action), item, None if source is None else SourceItem(source, "gcodes"))


def told(bundle):
    lines = []
    for change in bundle.take():
        line = f"{change.action} {change.item.path}"
        lines.append(line + (f" < {change.source_item.path}" if change.source_item else ""))
    return lines


def bundle_of(*lines):
    bundle = Bundle()
    for line in lines:
        overwrote = line.endswith("!")
        action, path, *rest = line.rstrip("!").split()
        source = rest[1] if rest else None
        bundle.add(make(action, path, source), 0.0, overwrote=overwrote)
    return bundle


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (["create_file a", "modify_file a"], ["create_file a"]),
        (["create_file a", "delete_file a"], []),
        (["modify_file a", "modify_file a"], ["modify_file a"]),
        (["modify_file a", "delete_file a"], ["delete_file a"]),
        (["delete_file a", "create_file a"], ["modify_file a"]),
        (["delete_dir a", "create_dir a"], ["delete_dir a", "create_dir a"]),
        (["create_file t", "move_file a < t"], ["create_file a"]),
        (["create_file t", "move_file a < t!"], ["modify_file a"]),
        (["create_file t", "modify_file a", "move_file a < t!"], ["modify_file a"]),
        (["move_file b < a", "move_file c < b"], ["move_file c < a"]),
        (["move_file b < a", "move_file a < b"], []),
        (["move_file b < a", "delete_file b"], ["delete_file a"]),
        (["move_file b < a", "create_file a"], ["move_file b < a", "create_file a"]),
        (["modify_file a", "move_file b < a"], ["move_file b < a"]),
        (
            ["create_dir d", "create_file d/a", "create_file d/b"],
            ["create_dir d", "create_file d/a", "create_file d/b"],
        ),
        (
            ["create_dir d", "create_file d/a", "modify_file d/a"],
            ["create_dir d", "create_file d/a"],
        ),
        (["create_dir d", "create_file d/a", "delete_dir d"], []),
        (["create_file d/a", "delete_dir d"], ["delete_dir d"]),
        (["move_file d/a < a", "delete_dir d"], ["delete_file a", "delete_dir d"]),
        (
            ["create_dir d", "create_file d/a", "move_dir e < d"],
            ["create_dir e", "create_file e/a"],
        ),
        (["create_file d/a", "move_dir e < d"], ["create_file d/a", "move_dir e < d"]),
        (["create_file ab", "delete_dir a"], ["create_file ab", "delete_dir a"]),
    ],
)
def test_what_is_told_of_a_burst(seen, expected):
    result = told(bundle_of(*seen))
    assert sorted(result) == sorted(expected)
    if "create_dir" in "".join(expected):
        assert result == expected


def test_a_bundle_is_due_when_the_burst_pauses_or_lasts():
    bundle = Bundle()
    assert not bundle
    bundle.add(make("create_file", "a"), 10.0)
    assert bundle.due == 10.0 + BUNDLE_S
    bundle.add(make("create_file", "b"), 10.2)
    assert bundle.due == 10.2 + BUNDLE_S
    bundle.add(make("create_file", "c"), 10.9)
    assert bundle.due == 10.0 + LONGEST_S
    assert len(bundle.take()) == 3
    bundle.add(make("create_file", "d"), 20.0)
    assert bundle.due == 20.0 + BUNDLE_S


names = st.sampled_from(["a", "b", "c"])


class Disk:
    """Files and folders that random operations leave, and what was told of them."""

    def __init__(self):
        self.entries = {"f": "file", "d": "dir", "d/x": "file"}

    def below(self, path):
        return [p for p in self.entries if p == path or p.startswith(path + "/")]

    def step(self, kind, one, other):
        """One operation, as the changes that are seen; None when it cannot be."""
        parent = one.rpartition("/")[0]
        has_parent = not parent or self.entries.get(parent) == "dir"
        if kind == "write" and has_parent and self.entries.get(one) != "dir":
            action = "modify_file" if one in self.entries else "create_file"
            self.entries[one] = "file"
            return make(action, one), False
        if kind == "mkdir" and has_parent and one not in self.entries:
            self.entries[one] = "dir"
            return make("create_dir", one), False
        if kind == "delete" and one in self.entries:
            action = f"delete_{self.entries[one]}"
            for path in self.below(one):
                del self.entries[path]
            return make(action, one), False
        if kind == "move":
            return self.move(one, other)
        return None

    def move(self, one, other):
        parent = other.rpartition("/")[0]
        inside = other == one or other.startswith(one + "/")
        if one not in self.entries or inside or (parent and self.entries.get(parent) != "dir"):
            return None
        kind = self.entries[one]
        if other in self.entries and not kind == self.entries[other] == "file":
            return None
        overwrote = other in self.entries
        moved = {other + path[len(one) :]: self.entries.pop(path) for path in self.below(one)}
        self.entries.update(moved)
        return make(f"move_{kind}", other, one), overwrote


def believe(entries, change):
    """What a client makes of a notification."""
    path = change.item.path
    if change.action.startswith(("create", "modify")):
        entries[path] = "dir" if change.action.endswith("dir") else "file"
        return
    gone = change.source_item.path if change.source_item else path
    moved = {p: entries[p] for p in entries if p == gone or p.startswith(gone + "/")}
    for old in moved:
        del entries[old]
    if change.source_item:
        for old in [p for p in entries if p.startswith(path + "/")]:
            del entries[old]
        entries.update({path + old[len(gone) :]: kind for old, kind in moved.items()})


paths = st.sampled_from(["f", "g", "d", "e", "d/x", "d/y", "e/x", "d/s", "d/s/x"])
steps = st.tuples(st.sampled_from(["write", "mkdir", "delete", "move"]), paths, paths)


@given(st.lists(steps, max_size=12), st.sets(st.integers(0, 12)))
def test_clients_end_up_with_what_is_on_disk(operations, pauses):
    disk, bundle = Disk(), Bundle()
    client = dict(disk.entries)
    for index, operation in enumerate(operations):
        if index in pauses:
            for change in bundle.take():
                believe(client, change)
        seen = disk.step(*operation)
        if seen is not None:
            bundle.add(seen[0], float(index), overwrote=seen[1])
    for change in bundle.take():
        believe(client, change)
    assert client == disk.entries


def test_places():
    change = make("move_file", "b/c", "a")
    assert change.place == RootPath("gcodes", ("b", "c"))
    assert change.source == RootPath("gcodes", ("a",))
