"""The fields of a small multipart form, through python-multipart.

For API endpoints whose whole body is in memory; files in it are skipped. Uploads stream
elsewhere. Few requests are forms: the library is loaded for the first one, by `load_library`, which
a thread calls, because a slow disk takes seconds.
"""

import functools
from typing import Any

from mrk.errors import ClientError
from mrk.http.disposition import form_part

Pairs = list[tuple[str, str]]


class _Form:
    """Collects what the parser calls back."""

    def __init__(self, max_fields: int) -> None:
        self.pairs: Pairs = []
        self._max_fields = max_fields
        self._parts = 0
        self._header = [b"", b""]
        self._disposition = b""
        self._name: str | None = None
        self._data: list[bytes] = []

    def on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._max_fields:
            raise ClientError(f"The form has more than {self._max_fields} fields")
        self._disposition, self._data, self._name = b"", [], None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = [b"", b""]

    def on_headers_finished(self) -> None:
        if self._disposition:
            part = form_part(self._disposition)
            self._name = part.name if part.filename is None else None

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name is not None:
            self._data.append(data[start:end])

    def on_part_end(self) -> None:
        if self._name is not None:
            self.pairs.append((self._name, b"".join(self._data).decode("utf-8", "replace")))


@functools.cache
def load_library() -> tuple[Any, type[Exception]]:
    """The parser, and what it raises; the first call blocks."""
    from python_multipart.exceptions import MultipartParseError
    from python_multipart.multipart import MultipartParser

    return MultipartParser, MultipartParseError


def is_loaded() -> bool:
    """Whether `form_fields` asks the disk for nothing."""
    return load_library.cache_info().currsize > 0


def form_fields(boundary: bytes, body: bytes, max_fields: int) -> Pairs:
    """Name and text of every field in order; raises `ClientError` 400 for a broken form."""
    parser_type, broken = load_library()
    form = _Form(max_fields)
    names = [name for name in dir(form) if name.startswith("on_")]
    ended: list[bool] = []
    callbacks = {name: getattr(form, name) for name in names}
    callbacks["on_end"] = lambda: ended.append(True)
    try:
        parser_type(boundary, callbacks).write(body)
    except broken as exc:
        raise ClientError(f"The multipart body is broken: {exc}") from None
    if not ended:
        raise ClientError("The multipart body ends before its last boundary")
    return form.pairs
