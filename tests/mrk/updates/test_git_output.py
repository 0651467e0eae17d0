"""What git prints, read."""

import pytest

from mrk.updates.git_output import (
    commits,
    detached_at,
    is_damage,
    newest_tag,
    owner_and_name,
    same_url,
    tags_by_commit,
    work_tree,
)


def test_a_work_tree():
    said = "## master...origin/master [ahead 1]\n M a.py\n?? b.py\n?? c/\nMM d.py\n!! e\n D f"
    found = work_tree(said)
    assert found.branch == "master"
    assert found.modified == ("a.py", "d.py", "f")
    assert found.untracked == ("b.py", "c/")
    assert found.untracked_sources == ("b.py",)


@pytest.mark.parametrize(
    ("head", "branch"),
    [("## HEAD (no branch)", None), ("## main", "main"), ("## No commits yet on main", "main")],
)
def test_heads(head, branch):
    assert work_tree(head).branch == branch


def test_at_most_fifty_files_of_a_kind():
    assert len(work_tree("\n".join(f" M {n}" for n in range(60))).modified) == 50


def test_a_detached_head():
    said = "* (HEAD detached at origin/devel)\n  master\n"
    assert detached_at(said, ["origin"]) == ("origin", "devel")
    assert detached_at(said, ["fork"]) is None
    assert detached_at("* (HEAD detached at 1234567)", ["origin"]) is None


def test_commits_keep_thirty_and_the_tagged():
    said = "\0".join(f"{n:040x}\x1fme\x1f1\x1fs{n}\x1f\n" for n in range(60))
    tags = tags_by_commit(f"v1 {50:040x} {99:040x}\nv2  {55:040x}\n")
    found = commits(said, tags)
    assert len(found) == 32
    assert [commit.tag for commit in found[-2:]] == ["v1", "v2"]
    assert commits("", {}) == []


def test_the_newest_tag_of_a_channel():
    listed = "v1.0\nv1.10\nv1.9\nv2.0-beta1\nnightly\n"
    assert newest_tag(listed, "stable") == "v1.10"
    assert newest_tag(listed, "beta") == "v2.0-beta1"
    assert newest_tag("nightly", "stable") is None


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://github.com/Klipper3d/klipper.git", ("Klipper3d", "klipper")),
        ("git@github.com:owner/name.git", ("owner", "name")),
        ("ssh://git@host:22/owner/group/name", ("owner", "name")),
        ("name", ("?", "name")),
        ("", ("?", "?")),
        ("ssh://git@[host/owner/name", ("?", "?")),
    ],
)
def test_owners(url, found):
    assert owner_and_name(url) == found


def test_addresses_of_one_repository():
    assert same_url("https://X.org/a/b.git", "https://x.org/A/b/")
    assert not same_url("https://x.org/a/b", "https://x.org/a/c")


@pytest.mark.parametrize(
    "said",
    [
        "error: object file .git/objects/aa/bb is empty",
        "fatal: bad object HEAD",
        "fatal: your current branch appears to be broken",
        "error: index file corrupt",
        "fatal: unable to read tree 1234567890123456789012345678901234567890",
    ],
)
def test_damage(said):
    assert is_damage(said)


@pytest.mark.parametrize(
    "said",
    ["fatal: unable to access 'https://x': Could not resolve host: x", "", "error: pathspec"],
)
def test_no_damage(said):
    assert not is_damage(said)
