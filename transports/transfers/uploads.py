"""Uploads over HTTP: how many at once, how large, and what their clients are answered.

Called in each connection's task; one instance per generation.
"""

import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec
import trio

from mrk.access.decision import Decision
from mrk.errors import ClientError
from mrk.files.disk_space import no_space
from mrk.files.paths import is_gcode
from mrk.files.records import Item
from mrk.files.transfers import PrintStart, StoredUpload, UploadFiles, UploadPrints
from mrk.http.arguments import boundary
from mrk.http.digests import digest_headers, is_wanted
from mrk.http.exchange import Exchange
from mrk.http.head import RequestHead
from mrk.http.response import Headers, Response
from transports.transfers.receiving import (
    DEFAULT_ROOT,
    FORM_BYTES,
    Form,
    ReadBack,
    Receiving,
    has_space,
    too_large,
)
from transports.transfers.subject_threads import SubjectThreads
from transports.transfers.upload_slots import UploadSlots

THREADS = 4
_HOST = r"[A-Za-z0-9.:_\[\]-]{1,255}"
_BOUNDARY = r"(?i);\s*boundary\*?\d*\*?\s*="


class UploadHandler:
    """`max_file_bytes` is `max_upload_size`; `wait_s` the longest wait for a turn.

    `read_back`, when there is one, is asked for what the disk has before an upload is answered.
    """

    def __init__(
        self,
        files: UploadFiles,
        prints: UploadPrints,
        *,
        max_file_bytes: int,
        wait_s: float,
        read_back: ReadBack | None = None,
    ) -> None:
        self._files = files
        self._prints = prints
        self._max_file_bytes = max_file_bytes
        self._read_back = read_back
        self._slots = UploadSlots(wait_s)
        self._threads = SubjectThreads(THREADS)
        self._make_form: Callable[[bytes], Form] | None = None

    async def receive(
        self, exchange: Exchange, location: str, decision: Decision, cors: Headers
    ) -> None:
        """Serve one upload; raises `ClientError` when it is refused.

        `location` is the path in front of root and file, route prefix included; `decision` says
        who sends it, and so which roots may be written.
        """
        form = await self._form(exchange.head)
        await self._check_size(exchange.body_bytes)
        async with self._slots.slot(exchange) as slot:
            upload = Receiving(
                exchange,
                slot.receive,
                form,
                self._files,
                self._threads,
                self._max_file_bytes,
                decision.role,
                self._read_back,
            )
            stored = await upload.store()
        try:
            answer = await self._answer(stored, upload.wants_print, decision.user)
            headers: Headers = (
                ("Location", _location(exchange.head, location, stored.item)),
                *cors,
            )
            if stored.sha256 is not None and is_wanted(exchange.head):
                headers = (*headers, *digest_headers(stored.sha256, cors))
            await exchange.answer(Response(201, msgspec.json.encode(answer), headers=headers))
        finally:
            stored.announce()

    async def _form(self, head: RequestHead) -> Form:
        """For the body that follows; raises `ClientError` for another than an upload has."""
        separator = _separator(head)
        if self._make_form is None:
            # On first use: the parser costs memory that a daemon without uploads can do without.
            self._make_form = await trio.to_thread.run_sync(_load_form)
        return self._make_form(separator)

    async def _check_size(self, body_bytes: int | None) -> None:
        """Refuse before the first byte what can be refused then: 413, 507."""
        folders = self._files.upload_folders()
        if not folders:
            raise ClientError("Uploads are not allowed: every root is read-only", 403)
        if body_bytes is None:
            return
        if body_bytes > self._max_file_bytes + FORM_BYTES:
            raise too_large(self._max_file_bytes)
        # The root is not known yet: it has to fit somewhere.
        if not await self._fits_in_one(body_bytes, folders):
            raise no_space()

    async def _fits_in_one(self, body_bytes: int, folders: list[str]) -> bool:
        """All are asked at once: one on a share that stalls must not hold up the others."""
        fitting = False

        async def ask(folder: str) -> None:
            nonlocal fitting
            check = partial(has_space, body_bytes, folder)
            if await self._threads.run(folder, check, leaves_behind=True):
                fitting = True
                asking.cancel_scope.cancel()

        async with trio.open_nursery() as asking:
            for folder in folders:
                asking.start_soon(ask, folder)
        return fitting

    async def _answer(
        self, stored: StoredUpload, wants_print: bool, user: str | None
    ) -> dict[str, Any]:
        """As catalogued, with the reason (`print_refused`) when a wished print did not start."""
        item = stored.item
        answer: dict[str, Any] = {"item": item, "action": "create_file"}
        if stored.sha256 is not None:
            answer["sha256"] = stored.sha256
        if item.root != DEFAULT_ROOT or not is_gcode(item.path):
            return answer
        answer |= {"print_started": False, "print_queued": False}
        if wants_print:
            outcome = await self._prints.print_upload(item.path, user)
            answer["print_started"] = outcome.start is PrintStart.STARTED
            answer["print_queued"] = outcome.start is PrintStart.QUEUED
            if outcome.start is PrintStart.REFUSED:
                answer["print_refused"] = outcome.reason
        return answer


def _load_form() -> Callable[[bytes], Form]:
    """The parser of forms, and the digests of what comes; blocks, for both are on the disk."""
    from mrk.http.upload_form import UploadForm

    hashlib.sha256()
    return UploadForm


def _separator(head: RequestHead) -> bytes:
    """The boundary between the parts of an upload; raises `ClientError` for what is none."""
    kinds = head.header_values("content-type")
    if len(kinds) != 1 or kinds[0].partition(";")[0].strip().lower() != "multipart/form-data":
        raise ClientError("An upload is one form of the type multipart/form-data")
    if (head.header("content-encoding") or "identity").strip().lower() != "identity":
        raise ClientError("An upload cannot be compressed", 415)
    if len(re.findall(_BOUNDARY, kinds[0])) > 1:
        raise ClientError("The form names its boundary twice")
    return boundary(kinds[0])


def _location(head: RequestHead, location: str, item: Item) -> str:
    path = f"{location}/{quote(item.root, safe='')}/{quote(item.path)}"
    host = head.header("host") or ""
    if not re.fullmatch(_HOST, host):
        return path
    return f"{'https' if head.secure else 'http'}://{host}{path}"
