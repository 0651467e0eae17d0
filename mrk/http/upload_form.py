"""The multipart form of an upload: the file's bytes out, small fields kept, through
python-multipart's streaming parser.

One form per upload, fed by the upload's task; does no I/O and holds only fields. What could be
read in two ways (repeated fields, folded headers, encodings) is refused.
"""

import logging

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from mrk.errors import ClientError
from mrk.http.disposition import form_part

FILE = "file"
FIELDS = frozenset({"root", "path", "checksum", "print"})
FIELD_BYTES = 4096
MAX_PARTS = 100
HEADER_BYTES = 8 * 1024  # of all headers of one part together
_IDENTITY = (b"binary", b"7bit", b"8bit")
# The parser logs each broken byte; the client's answer is where that belongs.
_SILENT = logging.Logger("multipart", logging.CRITICAL + 1)


class UploadForm:
    """`feed` gives the file's bytes. `filename` is None until its part begins; `fields` holds
    those of `FIELDS` seen so far; `ended` says that the last boundary came.
    """

    def __init__(self, boundary: bytes) -> None:
        self.filename: str | None = None
        self.fields: dict[str, str] = {}
        self.ended = False
        self._data: list[memoryview] = []
        self._parts = 0
        self._header = [b"", b""]
        self._header_bytes = 0
        self._headers: dict[bytes, bytes] = {}
        self._name = ""  # of a part that is kept; empty: skipped
        self._field = bytearray()
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as exc:
            raise ClientError(f"The multipart boundary cannot be used: {exc}") from None
        self._parser.logger = _SILENT

    def feed(self, data: bytes) -> list[memoryview]:
        """Take a piece of the body, return what of the file is in it; raises `ClientError`."""
        self._data = []
        try:
            self._parser.write(data)
        except FormParserError as exc:
            raise ClientError(f"The multipart body is broken: {exc}") from None
        return self._data

    def finish(self) -> str:
        """The body has ended: the file's name; raises `ClientError` for half a form."""
        if not self.ended:
            raise ClientError("The multipart body ends before its last boundary")
        if self.filename is None:
            raise ClientError("The form holds no file")
        return self.filename

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise ClientError(f"The form has more than {MAX_PARTS} parts")
        self._headers, self._name, self._header_bytes = {}, "", 0

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header[0] += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._header[1] += data[start:end]

    def _count_header(self, size_bytes: int) -> None:
        self._header_bytes += size_bytes
        if self._header_bytes > HEADER_BYTES:
            raise ClientError(f"A part's headers are longer than {HEADER_BYTES} bytes")

    def _on_header_end(self) -> None:
        name, value = self._header[0].lower(), self._header[1]
        self._header = [b"", b""]
        if name in self._headers:
            raise ClientError(f"A part of the form has the header {name.decode()} twice")
        if b"\n" in value or b"\0" in value:
            raise ClientError("A part's header holds a line break")
        self._headers[name] = value

    def _on_headers_finished(self) -> None:
        disposition = self._headers.get(b"content-disposition")
        if disposition is None:
            raise ClientError("A part of the form has no Content-Disposition")
        coding = self._headers.get(b"content-transfer-encoding", _IDENTITY[0])
        if coding.strip().lower() not in _IDENTITY:
            raise ClientError("A part of the form is encoded; send it as it is")
        part = form_part(disposition)
        if part.name == FILE:
            self._begin_file(part.filename)
        elif part.name in FIELDS:
            self._begin_field(part.name)

    def _begin_file(self, filename: str | None) -> None:
        if self.filename is not None:
            raise ClientError("The form holds two files")
        if not filename:
            raise ClientError("The file has no name")
        self.filename, self._name = filename, FILE

    def _begin_field(self, name: str) -> None:
        """A file name beside it means nothing: httpx sends one with each text in `files=`."""
        if name in self.fields:
            raise ClientError(f"The form says {name} twice")
        self._name, self._field = name, bytearray()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._name == FILE:
            self._data.append(memoryview(data)[start:end])
        elif self._name:
            self._field += data[start:end]
            if len(self._field) > FIELD_BYTES:
                raise ClientError(f"The field {self._name} is longer than {FIELD_BYTES} bytes")

    def _on_part_end(self) -> None:
        if self._name and self._name != FILE:
            try:
                self.fields[self._name] = self._field.decode().strip()
            except UnicodeDecodeError:
                raise ClientError(f"The field {self._name} is not UTF-8") from None

    def _on_end(self) -> None:
        self.ended = True
