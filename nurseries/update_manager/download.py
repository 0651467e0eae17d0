"""Fetches one asset of a release into a file, checked against what was published about it."""

from collections.abc import Callable
from pathlib import Path

import trio

from mrk.http.client import FetchFailed, HttpDownloads
from mrk.http.file_download import Downloaded, DownloadEnd, DownloadLimits
from mrk.updates.archive_rules import MOST_DOWNLOAD_BYTES
from mrk.updates.item import Tell
from mrk.updates.releases import Asset, Release, listed_sha256
from mrk.updates.update_errors import UpdateFailed, refused_by_system

DOWNLOAD_S = 1800.0
IDLE_S = 30.0
_STEP_PERCENT = 5
_MOST_SUMS_BYTES = 64 * 1024


class Downloader:
    """`scheme` is what addresses have to begin with (`https://`)."""

    def __init__(self, http: HttpDownloads, scheme: str, *, idle_s: float = IDLE_S) -> None:
        self._http = http
        self._scheme = scheme
        self._idle_s = idle_s

    async def fetch(
        self, release: Release, asset: Asset, target: Path, name: str, tell: Tell
    ) -> None:
        """Save an asset; raises `UpdateFailed` when it is not what was published."""
        expected = asset.sha256 or await self._listed(release, asset)
        self._check(asset.browser_download_url)
        if asset.size > MOST_DOWNLOAD_BYTES:
            raise UpdateFailed(f"{asset.name} is larger than {MOST_DOWNLOAD_BYTES // 2**20} MiB")
        progress = self._progress(asset, name, tell)
        found = await self._save(asset, target, progress)
        self._check_published(found, asset, expected)
        progress(found.size_bytes)

    async def _save(
        self, asset: Asset, target: Path, progress: Callable[[int], None]
    ) -> Downloaded:
        limits = DownloadLimits(
            most_bytes=asset.size or MOST_DOWNLOAD_BYTES,
            silence_s=self._idle_s,
            whole_s=DOWNLOAD_S,
        )
        try:
            return await self._http.download(asset.browser_download_url, target, limits, progress)
        except FetchFailed as exc:
            raise UpdateFailed(f"{asset.name} could not be fetched: {exc}") from exc
        except OSError as exc:
            raise refused_by_system(exc, f"{target.name} could not be stored") from exc

    def _check_published(self, found: Downloaded, asset: Asset, sha256: str | None) -> None:
        name = asset.name
        match found.end:
            case DownloadEnd.TOO_SLOW:
                raise UpdateFailed(f"{name} could not be fetched within {DOWNLOAD_S:g} s")
            case DownloadEnd.SILENT:
                raise UpdateFailed(f"{name}: nothing came for {self._idle_s:g} s")
            case DownloadEnd.REFUSED:
                raise UpdateFailed(f"{name} could not be fetched: the answer is {found.status}")
        too_large = found.end is DownloadEnd.TOO_LARGE
        if asset.size and (too_large or found.size_bytes != asset.size):
            raise UpdateFailed(f"{name} has not the published size of {asset.size} bytes")
        if too_large:
            raise UpdateFailed(f"{name} is too large")
        if sha256 is not None and found.sha256 != sha256:
            raise UpdateFailed(
                f"{name} is not what was published: its SHA-256 is {found.sha256},"
                f" and should be {sha256}"
            )

    async def _listed(self, release: Release, asset: Asset) -> str | None:
        """The hash in a file beside the asset, where GitHub itself tells none."""
        sums = release.sums(asset)
        if sums is None:
            return None
        self._check(sums.browser_download_url)
        with trio.move_on_after(self._idle_s):
            try:
                answer = await self._http.get(
                    sums.browser_download_url, most_bytes=_MOST_SUMS_BYTES
                )
            except FetchFailed as exc:
                raise UpdateFailed(f"{sums.name} could not be fetched: {exc}") from exc
            if answer.status == 200 and answer.whole:
                found = listed_sha256(answer.body.decode("utf-8", "replace"), asset.name)
                if found is not None or sums.name.lower() != f"{asset.name}.sha256".lower():
                    return found
        raise UpdateFailed(f"The hash of {asset.name} was published, but cannot be read")

    def _check(self, url: str) -> None:
        if not url.startswith(self._scheme):
            raise UpdateFailed(f"{url[:200]} is not fetched: it must begin with {self._scheme}")

    def _progress(self, asset: Asset, name: str, tell: Tell) -> Callable[[int], None]:
        """Tells each 5 %; without a published size nothing."""
        told = 0

        def progress(size: int) -> None:
            nonlocal told
            percent = size * 100 // asset.size if asset.size else 0
            if percent >= told + _STEP_PERCENT:
                told = percent - percent % _STEP_PERCENT
                tell(
                    f"Downloading {name}: {size // 1024} KiB / {asset.size // 1024} KiB"
                    f" [{percent}%]"
                )

        return progress
