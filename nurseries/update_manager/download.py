"""Fetches one asset of a release into a file, checked against what was published about it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import trio

from mrk.http.client import FetchFailed, HttpDownloads
from mrk.updates.archive_rules import MOST_DOWNLOAD_BYTES
from mrk.updates.item import Tell
from mrk.updates.releases import Asset, Release, listed_sha256
from mrk.updates.update_errors import UpdateFailed

DOWNLOAD_S = 1800.0
IDLE_S = 30.0
_WRITE_BYTES = 1024 * 1024
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
        part = _Part(target, asset, self._progress(asset, name, tell))
        with trio.move_on_after(DOWNLOAD_S):
            await self._save(asset, part)
            if expected is not None and part.sha256 != expected:
                raise UpdateFailed(
                    f"{asset.name} is not what was published: its SHA-256 is {part.sha256},"
                    f" and should be {expected}"
                )
            return
        raise UpdateFailed(f"{asset.name} could not be fetched within {DOWNLOAD_S:g} s")

    async def _save(self, asset: Asset, part: "_Part") -> None:
        self._check(asset.browser_download_url)
        most = min(asset.size or MOST_DOWNLOAD_BYTES, MOST_DOWNLOAD_BYTES)
        if asset.size > MOST_DOWNLOAD_BYTES:
            raise UpdateFailed(f"{asset.name} is larger than {MOST_DOWNLOAD_BYTES // 2**20} MiB")
        with trio.CancelScope(deadline=trio.current_time() + self._idle_s) as silence:

            async def save(chunk: bytes) -> None:
                silence.deadline = trio.current_time() + self._idle_s
                await part.add(chunk)

            try:
                answer = await self._http.download(
                    asset.browser_download_url, save, most_bytes=most
                )
            except FetchFailed as exc:
                raise UpdateFailed(f"{asset.name} could not be fetched: {exc}") from exc
        if silence.cancelled_caught:
            raise UpdateFailed(f"{asset.name}: nothing came for {self._idle_s:g} s")
        if answer.status != 200:
            raise UpdateFailed(f"{asset.name} could not be fetched: the answer is {answer.status}")
        if not answer.whole or (asset.size and part.size != asset.size):
            said = f"{asset.name} has not the published size of {asset.size} bytes"
            raise UpdateFailed(said if asset.size else f"{asset.name} is too large")
        await part.finish()

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


class _Part:
    """The file as far as it is there; written a megabyte at a time, in threads."""

    def __init__(self, target: Path, asset: Asset, progress: Callable[[int], None]) -> None:
        self._target = target
        self._progress = progress
        self._waiting = bytearray()
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def add(self, chunk: bytes) -> None:
        self._waiting += chunk
        self.size += len(chunk)
        if len(self._waiting) >= _WRITE_BYTES:
            await self.finish()

    async def finish(self) -> None:
        data, self._waiting = bytes(self._waiting), bytearray()
        try:
            await trio.to_thread.run_sync(self._append, data)
        except OSError as exc:
            name = self._target.name
            raise UpdateFailed(f"{name} could not be stored: {exc.strerror}", 507) from exc
        self._progress(self.size)

    def _append(self, data: bytes) -> None:
        self._hash.update(data)
        with self._target.open("ab") as file:
            file.write(data)
