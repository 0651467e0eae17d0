"""Opens the files of one front end, never one that lies outside of its folder.

Plain functions that block; called in threads. Links are followed by the kernel, and where the open
file lies is asked of the kernel too: between a look at a path and its opening it may be exchanged.
"""

import errno
import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from mrk.errors import ClientError
from mrk.files.paths import safe_parts
from mrk.frontends.content_security import PAGE_BYTES, inline_hashes
from mrk.frontends.content_types import content_type, may_be_compressed
from mrk.frontends.front_end import FrontEnd, is_deep_link, is_unpublished
from mrk.frontends.hashed_names import has_content_hash
from mrk.frontends.static_answer import CONFIG, INDEX, config_answer, static_answer
from mrk.http.encodings import accepted
from mrk.http.file_answer import FileFacts, PreparedFile
from mrk.http.head import RequestHead
from transports.frontends.kept_files import HashedFile, KeptFiles

_CONDITIONS = frozenset(
    (
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    )
)
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_LOOK = os.O_PATH | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


class _Opened(NamedTuple):
    descriptor: int
    status: os.stat_result


class _Page(NamedTuple):
    """Scripts written into the page, as it was when it was last read."""

    version: tuple[int, int, int]
    scripts: tuple[str, ...]


class StaticFiles:
    """Of one front end. `missing` says what its folder lacks, None when it was there last."""

    def __init__(self, front_end: FrontEnd) -> None:
        self._front_end = front_end
        self._page: _Page | None = None
        self._kept = KeptFiles()
        self.missing: str | None = None

    def check(self) -> None:
        """Look whether there is a page."""
        try:
            found = self._open((INDEX,))
        except (OSError, ClientError):
            found = None
        if found is not None:
            os.close(found.descriptor)

    def close(self) -> None:
        """Let go of what is kept open."""
        self._kept.close()

    def kept(self, head: RequestHead, text: str) -> PreparedFile | None:
        """The answer if the file is kept open; does not block. `text` as of `prepare`."""
        found = self._kept.take((text, _encodings(head)))
        if found is None:
            return None
        content = found.whole
        if not _CONDITIONS.isdisjoint(name for name, _value in head.headers):
            facts, parts, coding = found.facts, found.parts, found.coding
            content = static_answer(head, facts, parts, self._front_end, coding=coding)
        return PreparedFile(found.descriptor, content)

    def prepare(self, head: RequestHead, text: str) -> PreparedFile:
        """The answer to a request; `text` is its decoded path behind the prefix.

        Raises `ClientError` and OSError.
        """
        parts = safe_parts(text)
        if is_unpublished(parts):
            raise ClientError("What begins with a dot is not served", 403)
        found, coding = self._find(head, parts) if parts else (None, "")
        if found is None:
            if parts == (CONFIG,):
                return PreparedFile(-1, config_answer(self._front_end))
            if not is_deep_link(parts):
                raise ClientError("There is no such file", 404)
            parts = (INDEX,)
            found, coding = self._find(head, parts)
        if found is None:
            raise ClientError(self.missing or "There is no such file", 404)
        try:
            prepared, facts = self._answer(head, parts, found, coding)
            if has_content_hash(parts):
                whole = static_answer(None, facts, parts, self._front_end, coding=coding)
                kept = HashedFile(prepared.descriptor, facts, parts, coding, whole)
                self._kept.hand_over((text, _encodings(head)), kept)
            return prepared
        except BaseException:
            os.close(found.descriptor)
            raise

    def _answer(
        self, head: RequestHead, parts: tuple[str, ...], found: _Opened, coding: str
    ) -> tuple[PreparedFile, FileFacts]:
        status = found.status
        facts = FileFacts(parts[-1], status.st_size, status.st_mtime_ns, status.st_ino)
        scripts = self._scripts(parts) if content_type(parts[-1]).startswith("text/html") else ()
        content = static_answer(
            head, facts, parts, self._front_end, coding=coding, inline_scripts=scripts
        )
        return PreparedFile(found.descriptor, content), facts

    def _find(self, head: RequestHead, parts: tuple[str, ...]) -> tuple[_Opened | None, str]:
        """The file, or a compressed one beside it that the client takes, and its coding.

        Only a file that is there itself has one: the other one alone is no answer.
        """
        plain = self._open(parts)
        if plain is None or not may_be_compressed(content_type(parts[-1])):
            return plain, ""
        try:
            for coding, suffix in accepted(head.header_values("accept-encoding")):
                packed = self._open((*parts[:-1], parts[-1] + suffix))
                if packed is None:
                    continue
                # One that an update left behind would be the old content.
                if packed.status.st_mtime_ns >= plain.status.st_mtime_ns:
                    os.close(plain.descriptor)
                    return packed, coding
                os.close(packed.descriptor)
        except BaseException:
            os.close(plain.descriptor)
            raise
        return plain, ""

    def _open(self, parts: Sequence[str]) -> _Opened | None:
        """A regular file of the folder; None for what is not there, or is no file.

        Raises `ClientError` 403 for what lies elsewhere.
        """
        found = _open_below(self._front_end.folder, parts)
        if tuple(parts) == (INDEX,):
            self.missing = None if found is not None else self._lack()
        return found

    def _lack(self) -> str:
        folder = self._front_end.folder
        return f"There is no front end in {folder}: it has no {INDEX} (see mrk frontend install)"

    def _scripts(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Of the page at `parts`; that of the front end is remembered until it changes."""
        opened = self._open(parts)
        if opened is None:
            return ()
        try:
            status = opened.status
            version = status.st_mtime_ns, status.st_size, status.st_ino
            if self._page is not None and self._page.version == version:
                return self._page.scripts
            scripts = inline_hashes(os.pread(opened.descriptor, PAGE_BYTES, 0))
        finally:
            os.close(opened.descriptor)
        if parts == (INDEX,):
            self._page = _Page(version, scripts)
            self._kept.forget()
        return scripts


def _encodings(head: RequestHead) -> str:
    return ",".join(head.header_values("accept-encoding"))


def _open_below(folder: str, parts: Sequence[str]) -> _Opened | None:
    try:
        # Opening a path only looks at it: not even a device or a pipe is touched.
        found = os.open("/".join((folder, *parts)), _LOOK)
    except OSError as exc:
        if exc.errno in _NOTHING:
            return None
        raise
    try:
        status = os.fstat(found)
        if not stat.S_ISREG(status.st_mode):
            return None
        place = f"/proc/self/fd/{found}"
        if not _is_below(os.readlink(place), os.path.realpath(folder)):
            raise ClientError("This file lies outside of the front end's folder", 403)
        return _Opened(os.open(place, _READ), status)
    finally:
        os.close(found)


def _is_below(place: str, folder: str) -> bool:
    return place.startswith(folder.rstrip("/") + "/")
