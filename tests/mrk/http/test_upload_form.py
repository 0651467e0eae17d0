"""The form of an upload, fed in any pieces."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.http.upload_form import FIELD_BYTES, HEADER_BYTES, MAX_PARTS, UploadForm

BOUNDARY = b"----x"


def form_of(data: bytes, name: bytes = b"a.gcode") -> bytes:
    return (
        b'------x\r\nContent-Disposition: form-data; name="root"\r\n\r\ngcodes\r\n'
        b'------x\r\nContent-Disposition: form-data; name="file"; filename="' + name + b'"\r\n'
        b"Content-Type: text/plain\r\n\r\n" + data + b"\r\n------x--\r\n"
    )


def read(form: UploadForm, body: bytes, cuts: list[int]) -> bytes:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    found = b""
    for start, end in itertools.pairwise(places):
        found += b"".join(bytes(part) for part in form.feed(body[start:end]))
    return found


PIECES = st.lists(
    st.sampled_from([b"\r\n", b"--", b"----x", b"\r\n------", b"\r", b"\n", b"G1 X1", b"\0\xff"])
)


@given(PIECES, st.lists(st.integers(0, 1000), max_size=10))
def test_any_cut_gives_the_same_bytes(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    if b"\r\n------x" in b"\r\n" + data:
        return  # the boundary itself cannot be content
    form = UploadForm(BOUNDARY)
    assert read(form, form_of(data), cuts) == data
    assert form.finish() == "a.gcode"
    assert form.fields == {"root": "gcodes"}


@given(st.binary(max_size=200), st.lists(st.integers(0, 1000), max_size=5))
def test_junk_is_never_a_file(body: bytes, cuts: list[int]) -> None:
    form = UploadForm(BOUNDARY)
    with contextlib.suppress(ClientError):
        read(form, body, cuts)
    with pytest.raises(ClientError):
        form.finish()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"gcodes", b"\xff", "root is not UTF-8"),
        (b'"a.gcode"', b'""', "no name"),
        (b'; filename="a.gcode"', b"", "no name"),
    ],
)
def test_what_is_wrong_is_told(old: bytes, new: bytes, reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        UploadForm(BOUNDARY).feed(form_of(b"G28").replace(old, new))


def test_it_is_unfinished_until_the_last_boundary() -> None:
    body = form_of(b"data")
    for end in range(len(body) - 4):
        form = UploadForm(BOUNDARY)
        form.feed(body[:end])
        with pytest.raises(ClientError):
            form.finish()


def test_a_field_may_carry_a_file_name() -> None:
    """httpx writes every text of `files=` so (moonraker-telegram-bot's uploads)."""
    named = b'name="root"; filename="upload"\r\nContent-Type: application/octet-stream\r\n'
    form = UploadForm(BOUNDARY)
    assert b"".join(form.feed(form_of(b"G28").replace(b'name="root"\r\n', named))) == b"G28"
    assert form.finish() == "a.gcode"
    assert form.fields == {"root": "gcodes"}


@pytest.mark.parametrize(("size", "ok"), [(FIELD_BYTES, True), (FIELD_BYTES + 1, False)])
def test_the_longest_field(size: int, ok: bool) -> None:
    body = form_of(b"x").replace(b"\r\ngcodes", b"\r\n" + b"g" * size)
    form = UploadForm(BOUNDARY)
    if ok:
        form.feed(body)
        assert form.fields["root"] == "g" * size
    else:
        with pytest.raises(ClientError):
            form.feed(body)


@pytest.mark.parametrize("more", [0, 1])
def test_the_longest_headers(more: int) -> None:
    """Of all of a part's together: the library bounds each of them."""
    disposition = b'Content-Disposition: form-data; name="file"; filename="a.gcode"'
    lines = [disposition, b"X-A: " + b"n" * 4000]
    left = HEADER_BYTES - sum(len(line) - len(b": ") for line in lines) - len(b"X-B") + more
    lines.append(b"X-B: " + b"n" * left)
    body = b"------x\r\n" + b"\r\n".join(lines) + b"\r\n\r\nG28\r\n------x--\r\n"
    form = UploadForm(BOUNDARY)
    if more:
        with pytest.raises(ClientError, match=str(HEADER_BYTES)):
            form.feed(body)
    else:
        assert b"".join(form.feed(body)) == b"G28"


@pytest.mark.parametrize("name", [b"a\nb", b"a\0b"])
def test_a_header_is_one_line(name: bytes) -> None:
    with pytest.raises(ClientError, match="line break"):
        UploadForm(BOUNDARY).feed(form_of(b"x", name))


@pytest.mark.parametrize("coding", ["binary", "7bit", "8BIT"])
def test_names_of_no_encoding(coding: str) -> None:
    line = f"Content-Transfer-Encoding: {coding}\r\nContent-Type".encode()
    form = UploadForm(BOUNDARY)
    assert b"".join(form.feed(form_of(b"G28").replace(b"Content-Type", line))) == b"G28"


@pytest.mark.parametrize(("count", "ok"), [(MAX_PARTS, True), (MAX_PARTS + 1, False)])
def test_the_most_parts(count: int, ok: bool) -> None:
    part = b'------x\r\nContent-Disposition: form-data; name="y"\r\n\r\n\r\n'
    body = part * (count - 2) + form_of(b"x")
    form = UploadForm(BOUNDARY)
    if ok:
        form.feed(body)
        assert form.finish() == "a.gcode"
    else:
        with pytest.raises(ClientError):
            form.feed(body)
