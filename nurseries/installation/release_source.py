"""Where releases come from: the place and the key that this release was made with.

`release_origin.json` is written into the package by `make release`; a mrk from source has none.
A place is an http(s) address or a folder, such as that of a stick.
"""

import contextlib
import hashlib
import http.client
import platform
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit

import msgspec

from mrk.errors import MrkError
from mrk.installation.release import DOCUMENT_BYTES, Archive, OwnRelease, parse_release
from nurseries.installation.signatures import check_signature

ORIGIN_FILE = Path(__file__).with_name("release_origin.json")
_TIMEOUT_S = 30.0
_CHUNK_BYTES = 1024 * 1024


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where the releases of this maker are, and the public key of their signatures."""

    url: str
    public_key: str


def read_origin(file: Path = ORIGIN_FILE) -> Origin:
    """Raises `MrkError` for a mrk that was not made by `make release`."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Origin)
    except (OSError, msgspec.MsgspecError) as exc:
        raise MrkError("this mrk was installed from source: update it the same way") from exc


def machine_name() -> str:
    """The kind of archive that fits here, such as `aarch64-cp311`."""
    return f"{platform.machine()}-cp{sys.version_info.major}{sys.version_info.minor}"


class ReleaseSource:
    """One place, believed only by `public_key`."""

    def __init__(self, place: str, public_key: str) -> None:
        self._place = _as_url(place)
        self._public_key = public_key

    def look(self) -> OwnRelease:
        """The release that is offered there. Raises `MrkError`."""
        document = self._read("release.json", DOCUMENT_BYTES)
        signature = self._read("release.json.sig", DOCUMENT_BYTES)
        check_signature(document, signature, self._public_key)
        return parse_release(document)

    def fetch(self, archive: Archive, target: Path) -> None:
        """Write an archive; raises `MrkError` unless size and hash are right."""
        digest, size = hashlib.sha256(), 0
        with self._opened(archive.url) as source, target.open("wb") as file:
            while data := source.read(_CHUNK_BYTES):
                size += len(data)
                if size > archive.size_bytes:
                    break
                digest.update(data)
                file.write(data)
        if size != archive.size_bytes:
            raise MrkError(f"the archive has another size than the {archive.size_bytes} bytes told")
        if digest.hexdigest() != archive.sha256:
            raise MrkError("the archive has another hash than release.json tells")

    def _read(self, name: str, limit: int) -> bytes:
        with self._opened(name) as source:
            data = source.read(limit + 1)
        if len(data) > limit:
            raise MrkError(f"{name} is larger than {limit} bytes")
        return data

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        try:
            url = urljoin(self._place, name)
            scheme = urlsplit(url).scheme
        except ValueError as exc:
            raise MrkError(f"{self._place} {name}: {exc}") from exc
        if scheme not in ("https", "http", "file"):
            raise MrkError(f"{url}: expected an http(s) address or a folder")
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as source:
                yield source
        # What is no HTTP is neither a URLError nor an OSError.
        except (urllib.error.URLError, OSError, ValueError, http.client.HTTPException) as exc:
            said = getattr(exc, "reason", None) or str(exc) or type(exc).__name__
            raise MrkError(f"{url}: {said}") from exc


def _as_url(place: str) -> str:
    url = place if "://" in place else Path(place).absolute().as_uri()
    return url if url.endswith("/") else f"{url}/"
