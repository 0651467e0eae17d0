"""Versions: what `git describe` says of a commit, and Python's (PEP 440).

Pure. Both are ordered as people expect: a release is newer than its betas, and more commits behind
a tag are newer than fewer.
"""

import re

import msgspec

UNKNOWN = "?"
_PRE = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2}
_RELEASE, _POST = 3, 4
_TAG = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)(?:[-_.]?(?P<pre>alpha|beta|pre|rc|a|b|c)[-_.]?(?P<number>\d*))?",
    re.IGNORECASE,
)
_DESCRIBED = re.compile(
    r"(?P<tag>.+?)-(?P<commits>\d+)(?:-g(?P<hash>[0-9a-f]+))?(?P<dirty>-dirty)?(?P<inferred>-inferred)?"
)
_PYTHON = re.compile(
    r"v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<pre_number>\d*))?"
    r"(?:(?:[-_.]?(?:post|rev|r)[-_.]?(?P<post>\d*))|-(?P<implicit>\d+))?"
    r"(?:[-_.]?dev[-_.]?(?P<dev>\d*))?(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?",
    re.IGNORECASE,
)

Key = tuple[object, ...]


class TagVersion(msgspec.Struct, frozen=True):
    """A tag's version. `stage` is 0 for alphas, 1 for betas, 2 for candidates, 3 for releases."""

    release: tuple[int, ...]
    stage: int = _RELEASE
    number: int = 0

    @property
    def key(self) -> Key:
        """For sorting, newest last."""
        return _trimmed(self.release), self.stage, self.number


def tag_version(tag: str) -> TagVersion | None:
    """The version that a tag names; None when it names none."""
    match = _TAG.fullmatch(tag)
    if match is None:
        return None
    stage = _RELEASE if match["pre"] is None else _PRE[match["pre"].lower()]
    return TagVersion(_numbers(match["release"]), stage, int(match["number"] or 0))


def is_on_channel(tag: str, channel: str) -> bool:
    """Whether a tag is one for `stable` (releases) or `beta` (those, betas and candidates)."""
    version = tag_version(tag)
    return version is not None and version.stage >= (1 if channel == "beta" else _RELEASE)


class Described(msgspec.Struct, frozen=True):
    """What `git describe --long` said: a tag, the commits since, the commit, and marks."""

    tag: str
    commits: int
    hash: str = ""
    dirty: bool = False
    inferred: bool = False

    @property
    def short(self) -> str:
        """`v0.12.0-300`, as front ends show it."""
        return f"{self.tag}-{self.commits}"

    @property
    def full(self) -> str:
        """With the commit and all marks."""
        marks = ("-dirty" if self.dirty else "") + ("-inferred" if self.inferred else "")
        return f"{self.short}{f'-g{self.hash}' if self.hash else ''}{marks}"

    @property
    def key(self) -> Key:
        """For sorting, newest last; raises ValueError for a tag that is no version."""
        version = tag_version(self.tag)
        if version is None:
            raise ValueError(f"{self.tag!r} is not a version")
        return *version.key, self.commits


def described(text: str, commit_count: int = 0) -> Described | None:
    """Read `git describe --always --tags --long`; a bare hash has no tag behind it.

    `commit_count` is then the number of commits. None for `?` and what is none.
    """
    text = text.strip()
    dirty = text.endswith("-dirty")
    if re.fullmatch(r"[0-9a-f]{7,64}(-dirty)?", text):
        return Described("v0.0.0", commit_count, text.removesuffix("-dirty"), dirty, inferred=True)
    match = _DESCRIBED.fullmatch(text)
    if match is None:
        return None
    return Described(
        match["tag"],
        int(match["commits"]),
        match["hash"] or "",
        dirty=match["dirty"] is not None,
        inferred=match["inferred"] is not None,
    )


class PackageVersion(msgspec.Struct, frozen=True):
    """A version as PEP 440 reads it; None for parts that it lacks."""

    text: str
    release: tuple[int, ...]
    epoch: int = 0
    pre: tuple[int, int] | None = None
    post: int | None = None
    dev: int | None = None
    local: str | None = None

    @property
    def key(self) -> Key:
        """For sorting, newest last. Of two that differ only in `local`, one with it is newer."""
        last = float("inf")
        if self.pre is not None:
            pre: tuple[float, float] = self.pre
        else:
            is_dev_only = self.dev is not None and self.post is None
            pre = (-1, 0) if is_dev_only else (_RELEASE, 0)
        post = -1 if self.post is None else self.post
        dev = last if self.dev is None else self.dev
        parts = () if self.local is None else tuple(re.split(r"[-_.]", self.local.lower()))
        local = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)
        return self.epoch, _trimmed(self.release), pre, post, dev, local

    @property
    def short(self) -> str:
        """The tag, with the commits since if there are any."""
        base = ".".join(str(number) for number in self.release)
        if self.pre is not None:
            base += f"{('a', 'b', 'rc')[self.pre[0]]}{self.pre[1]}"
        if self.post is not None:
            base += f".post{self.post}"
        return f"v{base}" + (f"-{self.dev}" if self.dev is not None else "")


def package_version(text: str) -> PackageVersion | None:
    """None for what PEP 440 does not read."""
    match = _PYTHON.fullmatch(text.strip())
    if match is None:
        return None
    pre = None
    if match["pre"] is not None:
        name = match["pre"].lower()
        pre = _PRE["pre" if name == "preview" else name], int(match["pre_number"] or 0)
    post = match["post"] if match["post"] is not None else match["implicit"]
    return PackageVersion(
        text=text.strip(),
        epoch=int(match["epoch"] or 0),
        release=_numbers(match["release"]),
        pre=pre,
        post=None if post is None else int(post or 0),
        dev=None if match["dev"] is None else int(match["dev"] or 0),
        local=match["local"],
    )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _trimmed(release: tuple[int, ...]) -> tuple[int, ...]:
    """1.0 and 1.0.0 are one version."""
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    return release
