"""What subsystems see of the client for outgoing HTTP.

`nurseries/http_client/client.py` stands behind it; tests put a fake in its place.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import msgspec

from mrk.errors import Transient
from mrk.http.file_download import Downloaded, DownloadLimits

# Hears how many bytes of a file have come.
TellSize = Callable[[int], None]
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class FetchFailed(Transient):
    """No HTTP answer was had: name, network, certificate, protocol, or a URL that is none."""


class NotReached(FetchFailed):
    """No connection was had, or the URL is none: nothing of the request has left."""


class Fetched(msgspec.Struct, frozen=True):
    """An answer; names of `headers` are in lower case.

    `body` holds at most the bytes that were wanted, and `whole` says whether that was all.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


class HttpGet(Protocol):
    """Fetches; the caller puts a deadline round it."""

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
    ) -> Fetched:
        """GET an http or https URL, following a few redirects to such.

        `local` is for devices on the user's own network: no proxy, any certificate. Raises
        `FetchFailed`.
        """


class HttpRequests(HttpGet, Protocol):
    """All verbs; the caller puts a deadline round it."""

    async def request(
        self,
        verb: str,
        url: str,
        *,
        most_bytes: int,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
        redirects: bool = False,
    ) -> Fetched:
        """Send one request over a fresh connection; `body` needs a Content-Type among `headers`.

        A redirect is an answer like others, unless `redirects` has a few of them followed: most
        turn another verb into a GET. Raises `FetchFailed`, which leaves open whether the request
        took effect, or its kind `NotReached`, which says that it did not.
        """


class HttpDownloads(HttpRequests, Protocol):
    """Files of any size too."""

    async def download(
        self,
        url: str,
        target: Path,
        limits: DownloadLimits,
        tell: TellSize = lambda _size_bytes: None,
    ) -> Downloaded:
        """GET a file into `target`, which is new, following a few redirects, none to less safe.

        `tell` hears of the size after each MiB. Unless all of it has come, nothing is left.
        Raises `FetchFailed`, and `OSError` of the disk: ENOSPC before it is full (`fits`).
        """
