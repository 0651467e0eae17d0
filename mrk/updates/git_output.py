"""Reads what git prints, and says which of its errors mean a damaged repository.

Pure. Every text comes from `git` with `LC_ALL=C`.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from mrk.updates.versions import is_on_channel, tag_version

# One record a commit, fields separated by 0x1f, records by 0.
LOG_FORMAT = "%H%x1f%an%x1f%at%x1f%s%x1f%b"
MOST_COMMITS = 100
MOST_UNTAGGED = 30
_SHOWN_MESSAGE_CHARS = 2000
_SOURCES = (".py", ".c", ".cpp")
MOST_FILES = 50
_DAMAGE = re.compile(
    r"bad object|corrupt|is empty$|unable to read (?:tree|sha1|commit)|missing (?:blob|tree|commit)"
    r"|loose object|unable to resolve (?:reference|HEAD)|bad ref|bad tree|broken (?:link|ref)"
    r"|appears to be broken|index file|packfile|inflate|unable to unpack|bad signature 0x"
    r"|could not read [0-9a-f]{40}|unable to find [0-9a-f]{40}|not a valid object name"
    r"|unknown revision or path|ambiguous argument 'HEAD'|Needed a single revision"
    r"|bad config (?:line|file)|not a git repository|Could not read [0-9a-f]{40}|hash mismatch"
    r"|does not point to a valid object|revision walk setup failed|cannot be resolved to branch"
    r"|invalid sha1 pointer|unexpected line in"
    r"|invalid object|failed to traverse|failed to parse commit|bad pack header",
    re.IGNORECASE | re.MULTILINE,
)


class CommitInfo(msgspec.Struct, frozen=True):
    """A commit as front ends see it; `date` is Unix time as text."""

    sha: str
    author: str
    date: str
    subject: str
    message: str
    tag: str | None = None


class WorkTree(msgspec.Struct, frozen=True):
    """`git status --porcelain -b`: the branch (None: detached), and files that differ."""

    branch: str | None
    modified: tuple[str, ...]
    untracked: tuple[str, ...]

    @property
    def untracked_sources(self) -> tuple[str, ...]:
        """Untracked files that could be imported or compiled."""
        return tuple(name for name in self.untracked if name.endswith(_SOURCES))


def is_damage(said: str) -> bool:
    """Whether git's error means that the repository is damaged, not that it was asked wrongly."""
    return _DAMAGE.search(said) is not None


def work_tree(said: str) -> WorkTree:
    """Read `git status --porcelain -b`; at most 50 files of a kind are kept."""
    branch: str | None = None
    modified: list[str] = []
    untracked: list[str] = []
    for line in said.splitlines():
        kind, name = line[:2], line[3:]
        if kind == "##":
            branch = _branch(name)
        elif kind == "??":
            untracked.append(name.strip('"'))
        elif kind != "!!":
            modified.append(name.strip('"'))
    return WorkTree(branch, tuple(modified[:MOST_FILES]), tuple(untracked[:MOST_FILES]))


def _branch(head: str) -> str | None:
    head = head.removeprefix("No commits yet on ").removeprefix("Initial commit on ")
    return None if head.startswith("HEAD (") else head.partition(" ")[0].partition("...")[0]


def detached_at(said: str, remotes: Sequence[str]) -> tuple[str, str] | None:
    """Remote and branch from `(HEAD detached at origin/master)` among the lines of `git branch`."""
    match = re.search(r"\(HEAD detached (?:at|from) ([^)\s]+)\)", said)
    if match is None:
        return None
    remote, slash, branch = match[1].partition("/")
    return (remote, branch) if slash and remote in remotes else None


def tags_by_commit(said: str) -> dict[str, str]:
    """Commit -> tag, from `for-each-ref refs/tags --format='%(refname:short) %(*objectname) ...'`.

    Each line is the tag, the commit of an annotated one (or nothing), and the object.
    """
    found: dict[str, str] = {}
    for line in said.splitlines():
        parts = line.split(" ")
        if len(parts) == 3:
            found[parts[1] or parts[2]] = parts[0]
    return found


def commits(said: str, tags: Mapping[str, str]) -> list[CommitInfo]:
    """Read `git log -z` in `LOG_FORMAT`: the first 30 untagged commits, and all tagged ones."""
    found: list[CommitInfo] = []
    untagged = 0
    for record in said.split("\0"):
        fields = record.strip("\n").split("\x1f")
        if len(fields) != 5:
            continue
        sha, author, date, subject, body = fields
        tag = tags.get(sha)
        untagged += tag is None
        if tag is not None or untagged <= MOST_UNTAGGED:
            message = body.strip()[:_SHOWN_MESSAGE_CHARS]
            found.append(CommitInfo(sha, author, date, subject, message, tag))
    return found


def newest_tag(said: str, channel: str) -> str | None:
    """The newest of the listed tags (a line each) that belongs to the channel."""
    known = [tag for tag in said.split() if is_on_channel(tag, channel)]
    return max(known, key=_order, default=None)


def _order(tag: str) -> tuple[object, ...]:
    version = tag_version(tag)
    assert version is not None
    return version.key


def owner_and_name(url: str) -> tuple[str, str]:
    """First and last part of a repository's path: `Klipper3d`, `klipper`; `?` for unknown ones."""
    if "://" in url:
        try:
            path = urlsplit(url).path
        except ValueError:
            return "?", "?"
    else:
        _, colon, path = url.partition(":")  # git@github.com:owner/name.git
        path = path if colon else url
    parts = [part for part in path.split("/") if part]
    if not parts:
        return "?", "?"
    name = parts[-1].removesuffix(".git")
    return (parts[0] if len(parts) > 1 else "?"), name


def same_url(one: str, other: str) -> bool:
    """Whether two addresses name one repository; case, `.git` and a last slash do not count."""
    return _plain(one) == _plain(other)


def _plain(url: str) -> str:
    return url.strip().rstrip("/").removesuffix(".git").lower()
