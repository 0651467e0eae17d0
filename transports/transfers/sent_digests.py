"""Digests in the head of an upload (RFC 9530), against what came.

`Content-Digest` is of the request's body, the form. `Repr-Digest` is, too, by the letter, but
people and programs send that of the file: either proves the upload. Belongs to one upload; the body
is hashed in a thread, and only when there is such a header.
"""

import hashlib
from functools import partial

from mrk.errors import ClientError
from mrk.http.digests import sent_digest
from mrk.http.head import RequestHead
from transports.transfers.upload_buffer import InThread


class SentDigests:
    """Raises `ClientError` 400 for a header that cannot be checked."""

    def __init__(self, head: RequestHead) -> None:
        self._of_content = sent_digest(head, "content-digest")
        self._of_file = sent_digest(head, "repr-digest")
        asked = self._of_content is not None or self._of_file is not None
        self._body = hashlib.sha256() if asked else None

    async def add(self, data: bytes, in_thread: InThread) -> None:
        """The next piece of the body."""
        if self._body is not None:
            await in_thread(partial(self._body.update, data))

    def check(self, file_digest: str) -> None:
        """Compare; raises `ClientError` 422."""
        if self._body is None:
            return
        body_digest = self._body.hexdigest()
        if self._of_content not in (None, body_digest):
            raise _differs("Content-Digest", self._of_content, f"the body has {body_digest}")
        if self._of_file not in (None, file_digest, body_digest):
            raise _differs("Repr-Digest", self._of_file, f"the file has {file_digest}")


def _differs(name: str, told: str | None, found: str) -> ClientError:
    return ClientError(f"{name} says SHA-256 {told}, but {found}", 422)
