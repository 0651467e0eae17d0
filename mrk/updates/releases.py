"""Releases on GitHub as its API tells them, and what it says about the requests that are left.

Pure: decoding and choice. The only hosts whose words are believed here are GitHub's own.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec

_SHA256 = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE)
_LISTED = re.compile(r"([0-9a-f]{64})\s+[* ]?(\S.*)", re.IGNORECASE)
SUMS_NAMES = ("sha256sums", "sha256sums.txt", "sha256sum.txt", "checksums.txt")


class Asset(msgspec.Struct, frozen=True):
    """A file of a release; `digest` as published: `sha256:...`."""

    name: str
    browser_download_url: str
    size: int = 0
    content_type: str = ""
    digest: str | None = None

    @property
    def sha256(self) -> str | None:
        """In lower case; None where it is not published."""
        match = _SHA256.fullmatch(self.digest or "")
        return match[1].lower() if match else None


class Release(msgspec.Struct, frozen=True):
    """A release; `version` is its name, as front ends write it into release_info.json."""

    tag_name: str
    name: str | None = None
    assets: Sequence[Asset] = ()

    @property
    def version(self) -> str:
        """The name, or the tag of a release without one."""
        return (self.name or "").strip() or self.tag_name

    def asset(self, wanted: str | None) -> Asset | None:
        """The named asset, else the first one."""
        if wanted:
            return next((asset for asset in self.assets if asset.name == wanted), None)
        return next(iter(self.assets), None)

    def sums(self, asset: Asset) -> Asset | None:
        """The asset that lists the hash of another one, where GitHub itself does not tell it."""
        names = (f"{asset.name}.sha256".lower(), *SUMS_NAMES)
        return next((other for other in self.assets if other.name.lower() in names), None)


class ListedCommit(msgspec.Struct, frozen=True):
    """A commit in GitHub's list."""

    sha: str


def listed_sha256(text: str, name: str) -> str | None:
    """The hash of a file in the output of `sha256sum`; a lone hash is that of the only file."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        match = _LISTED.fullmatch(line)
        if match and match[2].rsplit("/", 1)[-1] == name:
            return match[1].lower()
    if len(lines) == 1 and re.fullmatch(r"[0-9a-fA-F]{64}", lines[0]):
        return lines[0].lower()
    return None


class RateLimit(msgspec.Struct, frozen=True):
    """What GitHub lets an address ask in an hour; None until it said so."""

    limit: int | None = None
    remaining: int | None = None
    reset_time: float | None = None

    def refusal(self, now: float) -> str | None:
        """Why nothing is to be asked now (Unix time); None when it may be."""
        if self.remaining != 0 or self.reset_time is None or now >= self.reset_time:
            return None
        minutes = max(1, round((self.reset_time - now) / 60))
        return (
            f"GitHub Rate Limit Reached: all {self.limit} requests of this hour are used;"
            f" in {minutes} min there are new ones"
        )


def rate_limit(headers: Mapping[str, str], before: RateLimit) -> RateLimit:
    """What an answer's headers (names in lower case) say; `before` where they say nothing."""
    remaining = _number(headers.get("x-ratelimit-remaining"))
    if remaining is None:
        return before
    limit, reset = (_number(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "reset"))
    return RateLimit(limit, remaining, None if reset is None else float(reset))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,15}", text) else None
