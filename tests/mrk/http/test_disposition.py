"""Content-Disposition, read strictly and written for every reader."""

import contextlib
from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.http.disposition import FormPart, attachment, form_part

NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=50)


@given(NAME)
def test_what_browsers_write_is_read(name: str) -> None:
    written = name.replace("\\", "\\\\").replace('"', '\\"')
    header = f'form-data; name="file"; filename="{written}"'.encode()
    assert form_part(header) == FormPart("file", name)


@given(st.binary(max_size=80))
def test_anything_else_is_read_or_refused(value: bytes) -> None:
    with contextlib.suppress(ClientError):
        form_part(b"form-data;" + value)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b"form-data; name=file", FormPart("file", None)),
        (b'FORM-DATA; NAME="file"; FileName="a"', FormPart("file", "a")),
        (b'form-data;name="file";filename="a;b=c"', FormPart("file", "a;b=c")),
        (b'form-data; name="a"; other="b"; ', FormPart("a", None)),
        (b'form-data; name="file"; filename=""', FormPart("file", "")),
        (b'form-data; name="file"; filename="C:\\\\a"', FormPart("file", "C:\\a")),
        # .NET's HttpClient, with a plain name and with another one
        (b"form-data; name=file; filename=a.g; filename*=utf-8''a.g", FormPart("file", "a.g")),
        (
            b"form-data; name=file; filename=\"=?utf-8?B?w6QuZw==?=\"; filename*=utf-8''%C3%A4.g",
            FormPart("file", "ä.g"),
        ),
        (b"form-data; name=file; filename*=UTF-8'en'a%20b", FormPart("file", "a b")),
        (b"form-data; name=file; filename*=iso-8859-1''%E4", FormPart("file", "ä")),
        (b'form-data; name="file"; filename="=?utf-8?B?w6QuZw==?="', FormPart("file", "ä.g")),
        (
            b'form-data; name="file"; filename="=?ISO-8859-1?q?=e4_=3F.g?="',
            FormPart("file", "ä ?.g"),
        ),
        (
            b'form-data; name="file"; filename="=?utf-8?Q?a?= =?utf-8?Q?b.g?="',
            FormPart("file", "ab.g"),
        ),
        (
            b'form-data; name="file"; filename="=?us-ascii?Q?a=25b%41.g?="',
            FormPart("file", "a%b%41.g"),
        ),
        (b'form-data; name="file"; filename="=?a.g"', FormPart("file", "=?a.g")),
        # The plain form is a substitute for what it cannot hold
        (
            b"form-data; name=a; filename=\"n_.g\"; filename*=utf-8''n%C3%A4.g",
            FormPart("a", "nä.g"),
        ),
        (b"form-data; name=a; filename=\"%C3%A4\"; filename*=utf-8''%C3%A4", FormPart("a", "ä")),
        (b"form-data; name=a; filename=\"a\xcc\x88\"; filename*=utf-8''%C3%A4", FormPart("a", "ä")),
    ],
)
def test_forms(value: bytes, part: FormPart) -> None:
    assert form_part(value) == part


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"form-data",
        b"form-datax; name=a",
        b'form-data; filename="a"',
        b'form-data; name="a',
        b'form-data; name="a"b',
        b'form-data; name="a"; name="a"',
        b"form-data; name*=UTF-8''a",
        b'form-data; name="a"; filename*0="b"',
        b'form-data; name="a"; filename="b"; FILENAME="c"',
        b'form-data; name="a"; filename="b"; filename*=utf-8\'\'c',
        b'form-data; name="a"; filename="b"; filename*=utf-8\'\'b.g',
        b'form-data; name="a"; filename="_"; filename*=utf-8\'\'b',
        b'form-data; name="a"; filename="=?utf-8?B?YQ==?="; filename*=utf-8\'\'b',
        b'form-data; name="a"; filename="b"; filename*=utf-8\'\'%E4',
        b"form-data; name=\"a\"; filename*=utf-8''%4",
        b'form-data; name="a"; filename*=b',
        b"form-data; name=\"a\"; filename*=utf-16''%00b",
        b"form-data; name=\"a\"; filename*=utf-8''b; filename*=utf-8''b",
        b'form-data; name="a"; filename="=?utf-8?B?w6?="',
        b'form-data; name="a"; filename="=?utf-8?B?w6!Q=?="',
        b'form-data; name="a"; filename="=?utf-8?Q?=g?="',
        b'form-data; name="a"; filename="=?utf-7?Q?a?="',
        b'form-data; name="\xff"',
        b'form-data, name="a"',
    ],
)
def test_refused(value: bytes) -> None:
    with pytest.raises(ClientError):
        form_part(value)


@given(NAME)
def test_downloads_keep_their_names(name: str) -> None:
    header = attachment(name)
    assert header.isascii()
    assert header.isprintable()
    assert unquote(header.partition("filename*=UTF-8''")[2]) == name
    message = Message()
    message["Content-Disposition"] = header.partition("; filename*")[0]
    plain = message.get_filename("")
    assert len(plain) <= len(name) + 2
