"""Where feeds come from: the network, or a folder of the developer's.

Bytes of at most `FEED_BYTES`; what they mean is decided elsewhere. The caller puts a deadline round
each reading.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import trio

from mrk.errors import MrkError
from mrk.http.client import FetchFailed, HttpGet

FEED_URL = "https://arksine.github.io/moonlight/assets/{feed}.xml"
# Real ones have 30 KB. One tag of this size, the worst there is, parses in 10 ms.
FEED_BYTES = 128 * 1024


class FeedAway(MrkError):
    """The feed cannot be had now; the text stays the same for the same cause."""


class FeedSource(Protocol):
    """One way to read feeds."""

    async def read(self, feed: str) -> bytes | None:
        """The document, None when it has not changed since; raises `FeedAway`."""

    def forget(self, feed: str | None = None) -> None:
        """Read it as if for the first time, after what was read got lost; None means all."""


class NoFeedSource:
    """Remote feeds are switched off: nothing ever changes."""

    async def read(self, feed: str) -> None:
        """`FeedSource.read`."""

    def forget(self, feed: str | None = None) -> None:
        """`FeedSource.forget`."""


class RemoteSource:
    """Feeds over HTTP; `url` holds `{feed}`. What did not change is not sent again (ETag)."""

    def __init__(self, http: HttpGet, url: str = FEED_URL) -> None:
        self._http = http
        self._url = url
        self._tags: dict[str, str] = {}

    async def read(self, feed: str) -> bytes | None:
        """`FeedSource.read`."""
        tag = self._tags.get(feed)
        headers = {} if tag is None else {"If-None-Match": tag}
        try:
            got = await self._http.get(
                self._url.format(feed=feed), most_bytes=FEED_BYTES, headers=headers
            )
        except FetchFailed as exc:
            raise FeedAway(str(exc)) from exc
        if got.status == 304:
            return None
        if got.status != 200:
            raise FeedAway(f"HTTP status {got.status}")
        if not got.whole:
            raise FeedAway(f"larger than {FEED_BYTES} bytes")
        self._keep_tag(feed, got.headers.get("etag"))
        return got.body

    def _keep_tag(self, feed: str, tag: str | None) -> None:
        if tag is None:
            self._tags.pop(feed, None)
        else:
            self._tags[feed] = tag

    def forget(self, feed: str | None = None) -> None:
        """`FeedSource.forget`."""
        if feed is None:
            self._tags.clear()
        else:
            self._tags.pop(feed, None)


class FolderSource:
    """Feeds from `<folder>/<feed>.xml`, for developers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, feed: str) -> bytes | None:
        """`FeedSource.read`."""
        path = self._folder / f"{feed}.xml"
        return await trio.to_thread.run_sync(_read(path), abandon_on_cancel=True)

    def forget(self, feed: str | None = None) -> None:
        """`FeedSource.forget`."""


def _read(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            # A pipe would keep the thread for good.
            if not path.is_file():
                raise FeedAway(f"{path} is not a file")
            with path.open("rb") as file:
                data = file.read(FEED_BYTES + 1)
        except OSError as exc:
            raise FeedAway(f"{path}: {exc.strerror}") from exc
        if len(data) > FEED_BYTES:
            raise FeedAway(f"{path} is larger than {FEED_BYTES} bytes")
        return data

    return read
