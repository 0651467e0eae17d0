"""The client for outgoing HTTP: httpx on Trio, for all subsystems.

Owns no task and keeps no connection: each call opens one and closes it. httpx is imported at the
first call, in a thread: it takes 0.2 s and 2 MB, which a daemon that fetches nothing saves. Devices
on the user's own network are asked without it (`plain.py`).
"""

import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import trio

from mrk.http.client import NO_HEADERS, Fetched, FetchFailed, NotReached, TellSize
from mrk.http.file_download import Downloaded, DownloadLimits
from mrk.version import VERSION
from nurseries.http_client.file_download import FileDownload, Save
from nurseries.http_client.plain import exchange

MOST_REDIRECTS = 5
Read = TypeVar("Read")
# Without compression `most_bytes` bounds what a small answer could unfold to.
_OWN_HEADERS = {"User-Agent": f"mrk/{VERSION}", "Accept-Encoding": "identity"}


class HttpClient:
    """Implements `HttpDownloads`."""

    def __init__(self) -> None:
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
    ) -> Fetched:
        """`HttpGet.get`."""
        return await self.request(
            "GET", url, most_bytes=most_bytes, headers=headers, local=local, redirects=True
        )

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
        """`HttpRequests.request`."""
        if local and not redirects and url.lower().startswith("http://"):
            return await exchange(verb, url, {**_OWN_HEADERS, **headers}, body, most_bytes)
        response, (answer, whole) = await self._exchange(
            verb,
            url,
            lambda response: _read(response.aiter_raw(), most_bytes),
            body=body,
            headers=headers,
            local=local,
            redirects=redirects,
        )
        return _fetched(response, answer, whole)

    async def download(
        self,
        url: str,
        target: Path,
        limits: DownloadLimits,
        tell: TellSize = lambda _size_bytes: None,
    ) -> Downloaded:
        """`HttpDownloads.download`."""

        async def ask(save: Save) -> Fetched:
            return await self._stream(url, save, limits.most_bytes)

        return await FileDownload(target, limits, tell).receive(ask)

    async def _stream(self, url: str, save: Save, most_bytes: int) -> Fetched:
        """`save` is given the body of an answer with status 200 only."""

        async def read(response: Any) -> tuple[bytes, bool]:
            if url.lower().startswith("https://") and response.url.scheme != "https":
                raise ValueError(f"redirected to {response.url}, which is not encrypted")
            if response.status_code != 200:
                return b"", True
            return b"", await _pass_on(response.aiter_raw(), save, most_bytes)

        response, (answer, whole) = await self._exchange("GET", url, read, redirects=True)
        return _fetched(response, answer, whole)

    async def _exchange(
        self,
        verb: str,
        url: str,
        read: Callable[[Any], Awaitable[Read]],
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        local: bool = False,
        redirects: bool = False,
    ) -> tuple[Any, Read]:
        """httpx's response, and what `read` made of its body; raises `FetchFailed`."""
        httpx = await trio.to_thread.run_sync(_import_httpx, abandon_on_cancel=True)
        # What OpenSSL sets up for the first context takes 1 MB.
        encrypted = redirects or not url.lower().startswith("http://")
        client = httpx.AsyncClient(
            verify=await self._context(httpx, local) if encrypted else None,
            trust_env=not local,
            follow_redirects=redirects,
            max_redirects=MOST_REDIRECTS,
            timeout=None,  # the caller's deadline ends it
            headers={**_OWN_HEADERS, **headers},
        )
        try:
            async with client, client.stream(verb, url, content=body) as response:
                return response, await read(response)
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as exc:
            # After a redirect too: the first server's answer has told that it did nothing.
            raise NotReached(f"{type(exc).__name__}: {exc}") from exc
        except (httpx.HTTPError, ValueError) as exc:
            raise FetchFailed(f"{type(exc).__name__}: {exc}") from exc

    async def _context(self, httpx: ModuleType, local: bool) -> "ssl.SSLContext":
        if local not in self._contexts:
            # Reading the certificates of all authorities takes 20 ms.
            self._contexts[local] = await trio.to_thread.run_sync(
                lambda: httpx.create_ssl_context(verify=not local), abandon_on_cancel=True
            )
        return self._contexts[local]


def _import_httpx() -> ModuleType:
    # Its command line would bring click and pygments, 2 MB for as long as the daemon runs; without
    # them, as where its extra `cli` is not installed, httpx does the same.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
    # HTTP/2 is not asked for; httpcore does without, as where no h2 (1.4 MB) is installed.
    for package in ("httpcore._async", "httpcore._sync"):
        sys.modules.setdefault(f"{package}.http2", None)  # type: ignore[arg-type]
    import httpcore  # noqa: F401 - the first client would import it, in the event loop
    import httpx

    return httpx


def _fetched(response: Any, answer: bytes, whole: bool) -> Fetched:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchFailed("the answer is compressed, though that was not asked for")
    found = {name.lower(): value for name, value in response.headers.items()}
    return Fetched(response.status_code, found, answer, whole)


async def _pass_on(chunks: AsyncIterator[bytes], save: Save, most_bytes: int) -> bool:
    """Save at most so many bytes; whether there were no more."""
    size = 0
    with trio.CancelScope() as scope:
        async for chunk in chunks:
            size += len(chunk)
            if size > most_bytes:
                scope.cancel()
            else:
                await save(chunk)
    return size <= most_bytes


async def _read(chunks: AsyncIterator[bytes], most_bytes: int) -> tuple[bytes, bool]:
    """At most so many bytes, and whether there were no more."""
    body = bytearray()
    with trio.CancelScope() as scope:
        async for chunk in chunks:
            body += chunk
            if len(body) > most_bytes:
                # Leaving the loop would leave httpcore's generators open; this ends them in order.
                scope.cancel()
    return bytes(body[:most_bytes]), len(body) <= most_bytes
