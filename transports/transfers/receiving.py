"""One upload on its way in: form, unfinished file, destination.

Run in the connection's task by `uploads.py`. Whatever ends it before the file manager has put the
file in its place leaves nothing behind.
"""

import contextlib
import os
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

import trio

from mrk.access.role_needed import role_needed
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.files.disk_space import fits, no_space, storage_error
from mrk.files.roots import write_role
from mrk.files.transfers import (
    StoredUpload,
    UploadDestination,
    UploadFiles,
)
from mrk.http.exchange import Exchange
from transports.transfers.sent_digests import SentDigests
from transports.transfers.subject_threads import SubjectThreads, run_cleaning
from transports.transfers.upload_buffer import CLEAN_UP_S, UploadBuffer

DEFAULT_ROOT = "gcodes"
# Of a body besides the file: fields, headers and boundaries.
FORM_BYTES = 64 * 1024
Result = TypeVar("Result")
ReadBack = Callable[[str], str]
_SHA256 = r"[0-9a-fA-F]{64}"


class Form(Protocol):
    """The form as it is read (`mrk.http.upload_form.UploadForm`)."""

    filename: str | None
    fields: dict[str, str]

    def feed(self, data: bytes) -> list[memoryview]:
        """Take a piece of the body, return what of the file is in it."""
        ...

    def finish(self) -> str:
        """The body has ended: the file's name."""
        ...


class Receiving:
    """`receive` gives the body of `exchange` in pieces; `role` is that of who sends it.

    `max_file_bytes` bounds the file. `read_back` gives the digest of what the disk has, by path.
    """

    def __init__(
        self,
        exchange: Exchange,
        receive: Callable[[], Awaitable[bytes]],
        form: Form,
        files: UploadFiles,
        threads: SubjectThreads,
        max_file_bytes: int,
        role: Role,
        read_back: ReadBack | None = None,
    ) -> None:
        self._exchange = exchange
        self._receive_some = receive
        self._form = form
        self._files = files
        self._threads = threads
        self._max_file_bytes = max_file_bytes
        self._max_body_bytes = max_file_bytes + FORM_BYTES
        self._role = role
        self._read_back = read_back
        self._sent = SentDigests(exchange.head)
        self._begun: tuple[tuple[str, str, str], UploadDestination] | None = None

    @property
    def wants_print(self) -> bool:
        """Whether the client asks to print the file: by that very word, as with Moonraker."""
        return self._form.fields.get("print") == "true"

    async def store(self) -> StoredUpload:
        """Receive the body and store the file; raises `ClientError`."""
        async with UploadBuffer(self._folder, self._in_thread) as buffer:
            await self._receive(buffer)
            filename = self._form.finish()
            digest = await buffer.finish()
            self._check_digest(digest)
            destination = await self._begin(filename)
            temporary = await buffer.keep(await destination.prepare())
            try:
                await self._compare(temporary, digest)
                return await destination.store(temporary, digest)
            except BaseException:
                with trio.move_on_after(CLEAN_UP_S, shield=True):
                    await run_cleaning(partial(_remove, temporary))
                raise

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        """In one of the threads for the root that is written."""
        return await self._threads.run(self._root, work)

    @property
    def _root(self) -> str:
        return self._form.fields.get("root", "").lower() or DEFAULT_ROOT

    async def _receive(self, buffer: UploadBuffer) -> None:
        received_bytes = 0
        while data := await self._receive_some():
            received_bytes += len(data)
            if received_bytes > self._max_body_bytes:
                raise too_large(self._max_file_bytes)
            for part in self._form.feed(data):
                if buffer.size_bytes + len(part) > self._max_file_bytes:
                    raise too_large(self._max_file_bytes)
                await buffer.add(part)
            await self._sent.add(data, self._in_thread)
            del data

    async def _compare(self, temporary: str, digest: str) -> None:
        """Have the disk give back what it took, where that is asked for."""
        if self._read_back is None:
            return
        check = partial(self._read_back, temporary)
        try:
            found = await self._in_thread(check)
        except OSError as exc:
            raise storage_error(exc) from exc
        if found != digest:
            text = (
                f"The disk gave back other bytes than it was given: SHA-256 {found}, not {digest}"
            )
            raise ClientError(f"{text}; what was there before has been left as it was", 500)

    def _check_digest(self, digest: str) -> None:
        self._sent.check(digest)
        wanted = self._form.fields.get("checksum", "")
        if not wanted:
            return
        if not re.fullmatch(_SHA256, wanted):
            raise ClientError("The checksum is not a SHA-256 in hexadecimal", 422)
        if wanted.lower() != digest:
            raise ClientError(f"The file does not have the checksum {wanted}; got {digest}", 422)

    def _where(self, filename: str) -> tuple[str, str, str]:
        fields, root = self._form.fields, self._root
        needed = write_role(root)
        if self._role < needed:
            raise role_needed(needed, self._role, f"Writing files to {root[:40]}")
        return root, fields.get("path", ""), filename

    async def _begin(self, filename: str) -> UploadDestination:
        """Found once, unless fields behind the file name another place."""
        names = self._where(filename)
        if self._begun is None or self._begun[0] != names:
            self._begun = names, await self._files.begin_upload(*names)
        return self._begun[1]

    async def _folder(self) -> str:
        """Where the unfinished file goes; checks the space there.

        Fields may follow the file, so only a destination whose root is known can refuse it here.
        """
        assert self._form.filename is not None
        try:
            folder = (await self._begin(self._form.filename)).folder
        except ClientError:
            if "root" in self._form.fields:
                raise
            folder = self._files.upload_folders()[0]
        await self._check_space(folder)
        return folder

    async def _check_space(self, folder: str) -> None:
        body_bytes = self._exchange.body_bytes
        if body_bytes is None:
            return
        if not await self._in_thread(partial(has_space, body_bytes, folder)):
            raise no_space()


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def has_space(size_bytes: int, folder: str) -> bool:
    """Whether a file of that size fits below a folder; blocks."""
    try:
        return fits(size_bytes, os.statvfs(folder))
    except OSError:
        return False  # an unplugged stick


def too_large(max_file_bytes: int) -> ClientError:
    """The refusal of a file over `max_upload_size`."""
    return ClientError(f"The file is larger than max_upload_size ({max_file_bytes} bytes)", 413)
