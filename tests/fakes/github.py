"""The four routes of GitHub's API that updates use, and its downloads, on real HTTP.

`releases` by `owner/name`, newest first; `files` by path. Answers carry ETags and what is left of
the hour's requests; at zero they are 403.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import trio

from tests.fakes.web_server import WebServer, open_web_server, response

Answer = bytes | Callable[[trio.SocketStream], Awaitable[None]]


@dataclass
class FakeGitHub:
    """`left` are the requests of this hour."""

    server: WebServer
    left: int = 60
    limit: int = 60
    reset: int = 2_000_000_000
    date: str | None = None
    releases: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    failing: list[bytes] = field(default_factory=list)  # answered first, one each
    not_modified: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.server.url

    def publish(
        self,
        repo: str,
        version: str,
        content: bytes | Answer,
        *,
        asset: str = "thing.zip",
        tag: str | None = None,
        prerelease: bool = False,
        digest: str | None = "right",
        sums: bytes | None = None,
    ) -> None:
        """A new release with one asset; `digest` None: none is published."""
        tag = tag or version
        path = f"/download/{repo}/{tag}/{asset}"
        if isinstance(content, bytes):
            sha256 = hashlib.sha256(content).hexdigest()
            size = len(content)
            self.server.replies[path] = response(content)
        else:
            sha256, size = "0" * 64, 0
            self.server.replies[path] = content
        published: dict[str, Any] = {
            "name": asset,
            "browser_download_url": self.url + path,
            "size": size,
            "content_type": "application/zip",
        }
        if digest is not None:
            published["digest"] = f"sha256:{sha256 if digest == 'right' else digest}"
        assets = [published]
        if sums is not None:
            self.server.replies[f"{path}.sha256"] = response(sums)
            url = f"{self.url}{path}.sha256"
            assets.append({"name": f"{asset}.sha256", "browser_download_url": url})
        release = {"tag_name": tag, "name": version, "prerelease": prerelease, "assets": assets}
        self.releases.setdefault(repo, []).insert(0, release)

    def answer(self, head: str) -> bytes:
        """What the API says to a request."""
        target = head.split(" ")[1]
        self.asked.append(target)
        if self.failing:
            return self.failing.pop(0)
        found = self._find(target)
        body = json.dumps(found).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if f"if-none-match: {etag}" in head.lower():
            self.not_modified += 1
            return response(b"", "304 Not Modified", ETag=etag, **self._limits())
        if self.left <= 0:
            return response(b"{}", "403 rate limit exceeded", **self._limits())
        self.left -= 1
        status = "404 Not Found" if found is None else "200 OK"
        return response(body, status, ETag=etag, **self._limits())

    def _limits(self) -> dict[str, str]:
        return {
            "X_RateLimit_Limit": str(self.limit),
            "X_RateLimit_Remaining": str(self.left),
            "X_RateLimit_Reset": str(self.reset),
            **({} if self.date is None else {"Date": self.date}),
        }

    def _find(self, target: str) -> Any:
        parts = urlsplit(target)
        _, _, owner, name, *rest = (unquote(part) for part in parts.path.split("/"))
        repo, query = f"{owner}/{name}", parse_qs(parts.query)
        releases = self.releases.get(repo, [])
        match rest:
            case ["releases", "latest"]:
                return next((one for one in releases if not one["prerelease"]), None)
            case ["releases"]:
                return releases[: int(query["per_page"][0])]
            case ["releases", "tags", tag]:
                return next((one for one in releases if one["tag_name"] == tag), None)
            case ["commits"]:
                branch = query.get("sha", ["main"])[0]
                sha = self.commits.get(f"{repo}@{branch}")
                return None if sha is None else [{"sha": sha}]
        return None


@asynccontextmanager
async def open_github() -> AsyncIterator[FakeGitHub]:
    """Serving while the block lasts."""
    async with open_web_server() as server:
        github = FakeGitHub(server)
        server.answer_others = lambda head: github.answer(head)
        yield github
