"""Scripts of the page: small files that come with the package, under a name of their content.

The address holds a hash over all of them, so browsers keep them for a year and never mix two
versions. Read in a thread, kept nowhere.
"""

import hashlib
import zlib
from pathlib import Path

import trio

from mrk.http.response import Headers, Response

FOLDER = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_HEADERS: Headers = (
    ("Cache-Control", "public, max-age=31536000, immutable"),
    ("X-Content-Type-Options", "nosniff"),
    ("Vary", "Accept-Encoding"),
)


class PageScripts:
    """The files of `static`; nothing else can be asked for."""

    def __init__(self) -> None:
        self._version: str | None = None

    async def version(self) -> str:
        """A word that changes with any of the files."""
        if self._version is None:
            self._version = await trio.to_thread.run_sync(self._hash)
        return self._version

    async def answer(self, name: str, *, gzip: bool) -> Response | None:
        """A file; None when there is none of that name."""
        return await trio.to_thread.run_sync(self._answer, name, gzip)

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for path in sorted(FOLDER.iterdir()):
            if path.is_file():
                digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def _answer(self, name: str, gzip: bool) -> Response | None:
        kind = _TYPES.get(Path(name).suffix)
        if kind is None or not name.replace(".", "", 1).replace("_", "").isalnum():
            return None
        try:
            body = (FOLDER / name).read_bytes()
        except OSError:
            return None
        headers = _HEADERS
        if gzip:
            packer = zlib.compressobj(6, zlib.DEFLATED, 31)
            body = packer.compress(body) + packer.flush()
            headers = (*headers, ("Content-Encoding", "gzip"))
        return Response(200, body, kind, headers=headers)
