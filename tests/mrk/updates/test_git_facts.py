"""Whether a clone may be updated, and what is said of it."""

from typing import Any

import pytest
from msgspec.structs import replace

from mrk.updates.git_facts import GitFacts, git_anomalies, git_warnings

URL = "https://github.com/Klipper3d/klipper.git"
GOOD = GitFacts(
    repo_detected=True,
    branch="master",
    remote="origin",
    remote_url=URL,
    origin_url=URL,
    current_hash="a" * 40,
    remote_hash="b" * 40,
)


@pytest.mark.parametrize("what", ["branch", "remote", "current_hash", "remote_hash"])
def test_what_has_to_be_known(what: str) -> None:
    assert GOOD.is_valid()
    assert not replace(GOOD, **{what: "?"}).is_valid(debug=True)


@pytest.mark.parametrize(
    "spoiled", [{"corrupt": True}, {"diverged": True}, {"modified": ("klippy.py",)}]
)
def test_what_must_not_be(spoiled: dict[str, Any]) -> None:
    assert not replace(GOOD, **spoiled).is_valid(debug=True)


def test_a_detached_head_is_for_developers() -> None:
    detached = replace(GOOD, detached=True)
    assert not detached.is_valid()
    assert detached.is_valid(debug=True)
    assert git_warnings(detached) == ["Detached HEAD detected"]


def test_only_commits_of_others_are_something_to_update_to() -> None:
    assert not GOOD.is_behind
    assert replace(GOOD, commits_behind_count=1).is_behind


def test_what_a_hard_recovery_clones() -> None:
    assert GOOD.recovery_url("https://x/y") == URL
    fork = replace(GOOD, origin_url="?")
    assert fork.recovery_url("https://me:secret@x/y.git") == "https://x/y.git"
    assert fork.recovery_url("") == "?"
    assert replace(GOOD, is_linked=True).recovery_url(URL) == "?"
    assert GOOD.owner_and_name == ("Klipper3d", "klipper")
    assert replace(GOOD, remote_url="?").owner_and_name == ("?", "?")


def test_warnings() -> None:
    assert git_warnings(GitFacts()) == ["No git repo detected at configured path"]
    assert git_warnings(GOOD) == []
    assert git_warnings(replace(GOOD, corrupt=True, branch="?", remote="?", remote_url="?")) == [
        "Repo is corrupt",
        "Failed to detect git branch",
        "Failed to detect repo url",
    ]
    assert git_warnings(replace(GOOD, remote="?", modified=("a", "b"))) == [
        "Failed to detect tracking remote for branch master",
        "Repo is dirty.  Detected the following modified files: ['a', 'b']",
    ]


def test_anomalies() -> None:
    assert git_anomalies(GOOD, URL.upper().removesuffix(".GIT"), "master", None) == []
    assert git_anomalies(GOOD, "", "main", "abc") == []
    assert git_anomalies(replace(GOOD, remote="Origin"), "", "master", None) == []
    assert git_anomalies(GitFacts(diverged=True), URL, "master", None) == []
    odd = replace(
        GOOD,
        branch="dev",
        remote_url="https://x/y",
        untracked_sources=("a.py",),
        diverged=True,
        pinned_missing=True,
    )
    assert git_anomalies(odd, URL, "master", "abc") == [
        "Pinned Commit abc does not exist",
        "Repo not on official remote/branch, expected: origin/master, detected: origin/dev",
        "Unofficial remote url: https://x/y",
        "Repo has untracked source files: ['a.py']",
        "Repo has diverged from remote",
    ]
    for unknown in ({"branch": "?"}, {"remote": "?"}):
        assert git_anomalies(replace(GOOD, **unknown), URL, "master", None) == []
