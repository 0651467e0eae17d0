"""Asks GitHub's API about releases and commits, within what it allows an hour.

Answers are kept in memory with their marks: one that has not changed costs none of the requests.
`base_url` is for tests; no configuration reaches it.
"""

import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

import trio

from mrk import foreign_json
from mrk.foreign_json import NotJson
from mrk.http.client import Fetched, FetchFailed, HttpGet
from mrk.http.conditional import parse_http_date
from mrk.updates.releases import ListedCommit, RateLimit, Release, rate_limit
from mrk.updates.update_errors import UpdateFailed

API_URL = "https://api.github.com"
# One request, from the name look-up to the last byte.
ASK_S = 20.0
_ATTEMPTS = 2
_BETWEEN_S = 2.0
_MOST_BYTES = 2 * 1024 * 1024
# One for each item; a configuration has at most a hundred.
_MOST_KEPT = 200

Told = TypeVar("Told")


class GitHubFailed(UpdateFailed):
    """GitHub could not be asked, or has no such thing."""


class GitHub:
    """`base_url` has no slash at its end; `wall_clock` is Unix time, for answers without a date."""

    def __init__(
        self,
        http: HttpGet,
        *,
        base_url: str = API_URL,
        wall_clock: Callable[[], float] = time.time,
        between_s: float = _BETWEEN_S,
    ) -> None:
        self._http = http
        self._base_url = base_url
        self._wall_clock = wall_clock
        self._between_s = between_s
        self._kept: dict[str, tuple[dict[str, str], bytes]] = {}
        # By how much GitHub's clock, in which it tells its limits, is ahead of Trio's.
        self._ahead_s: float | None = None
        self.rate_limit = RateLimit()

    @property
    def scheme(self) -> str:
        """What addresses of files have to begin with: nothing is fetched less safely."""
        return self._base_url.partition("://")[0] + "://"

    async def newest_release(self, owner: str, name: str, channel: str) -> Release:
        """For `stable` the newest release, for `beta` also pre-releases; raises `GitHubFailed`."""
        repo = _repo(owner, name)
        if channel == "stable":
            return _decoded(await self._ask(f"{repo}/releases/latest"), Release)
        found = _decoded(await self._ask(f"{repo}/releases?per_page=1"), list[Release])
        if not found:
            raise GitHubFailed(f"{owner}/{name} has no release")
        return found[0]

    async def release(self, owner: str, name: str, tag: str) -> Release:
        """The release of a tag; raises `GitHubFailed`."""
        path = f"{_repo(owner, name)}/releases/tags/{quote(tag, safe='')}"
        return _decoded(await self._ask(path), Release)

    async def newest_commit(self, owner: str, name: str, branch: str | None) -> str:
        """The tip of a branch, of the usual one for None; raises `GitHubFailed`."""
        wanted = "" if branch is None else f"&sha={quote(branch, safe='')}"
        path = f"{_repo(owner, name)}/commits?per_page=1{wanted}"
        found = _decoded(await self._ask(path), list[ListedCommit])
        if not found:
            raise GitHubFailed(f"{owner}/{name} has no commit")
        return found[0].sha

    async def _ask(self, path: str) -> bytes:
        refusal = self.rate_limit.refusal(self._now)
        if refusal is not None:
            raise GitHubFailed(refusal)
        headers, kept = self._kept.get(path, ({}, b""))
        answer = await self._fetch(path, headers)
        date = parse_http_date(answer.headers.get("date"))
        self._ahead_s = None if date is None else date - trio.current_time()
        self.rate_limit = rate_limit(answer.headers, self.rate_limit)
        if answer.status == 304:
            return kept
        if answer.status != 200:
            raise GitHubFailed(self._refused(path, answer))
        if not answer.whole:
            raise GitHubFailed(f"GitHub's answer to {path} is larger than {_MOST_BYTES} bytes")
        self._keep(path, answer)
        return answer.body

    @property
    def _now(self) -> float:
        """By GitHub's clock (Unix time), where it says: ours may be wrong, or set meanwhile."""
        if self._ahead_s is None:
            return self._wall_clock()
        return trio.current_time() + self._ahead_s

    async def _fetch(self, path: str, marks: dict[str, str]) -> Fetched:
        headers = {"Accept": "application/vnd.github.v3+json", **marks}
        for attempt in range(_ATTEMPTS):
            if attempt:
                await trio.sleep(self._between_s)
            said = f"it did not answer within {ASK_S:g} s"
            with trio.move_on_after(ASK_S):
                try:
                    answer = await self._http.get(
                        self._base_url + path, most_bytes=_MOST_BYTES, headers=headers
                    )
                except FetchFailed as exc:
                    said = str(exc)
                else:
                    if answer.status < 500:
                        return answer
                    said = f"it answered {answer.status}"
        raise GitHubFailed(f"GitHub could not be asked: {said}")

    def _refused(self, path: str, answer: Fetched) -> str:
        refusal = self.rate_limit.refusal(self._now)
        if answer.status in (403, 429) and refusal is not None:
            return refusal
        return f"GitHub answered {answer.status} to {path}"

    def _keep(self, path: str, answer: Fetched) -> None:
        marks = {
            wanted: answer.headers[given]
            for given, wanted in (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
            if given in answer.headers
        }
        self._kept.pop(path, None)
        if marks:
            self._kept[path] = marks, answer.body
        while len(self._kept) > _MOST_KEPT:
            self._kept.pop(next(iter(self._kept)))


def _repo(owner: str, name: str) -> str:
    return f"/repos/{quote(owner, safe='')}/{quote(name, safe='')}"


def _decoded(body: bytes, kind: type[Told]) -> Told:
    try:
        return foreign_json.decode(body, kind)
    except NotJson as exc:
        raise GitHubFailed(f"GitHub's answer cannot be read: {exc}") from exc
