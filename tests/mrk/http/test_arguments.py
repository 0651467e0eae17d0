import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.api.arguments import objects_query
from mrk.errors import ClientError
from mrk.http import arguments

FORM = (
    b'--b/=1\r\nContent-Disposition: form-data; name="a:int"\r\n\r\n5\r\n'
    b'--b/=1\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\nskipped\r\n'
    b'--b/=1\r\nContent-Disposition: form-data; name="n\xc3\xa4me"\r\n\r\n\xc3\xa4\r\n--b/=1--\r\n'
)


def test_precedence() -> None:
    merged = arguments.merged([("a", "1"), ("b", "1"), ("c", "1")], [("b", "2")], {"c": 3}, None)
    assert merged == {"a": "1", "b": "2", "c": 3}


def test_an_endpoints_own_query() -> None:
    pairs = [("toolhead", ""), ("connection_id", "4")]
    assert arguments.merged(pairs, [], {}, objects_query) == {"objects": {"toolhead": None}}
    assert arguments.merged([], [], {"objects": {}}, objects_query) == {"objects": {}}


@pytest.mark.parametrize("body", [b"", b" ", b"null", b" null\n"])
def test_json_without_arguments(body: bytes) -> None:
    assert arguments.json_text(body) is None


@pytest.mark.parametrize("body", [b"\xff", b'"\xed\xa0\x80"', b'{"a":"\xff"}'])
def test_json_that_is_no_unicode_is_refused(body: bytes) -> None:
    with pytest.raises(ClientError, match="is not JSON"):
        arguments.json_text(body)


def test_other_json_is_left_as_it_is() -> None:
    assert arguments.json_text('{"ä": 1}'.encode()) == '{"ä": 1}'.encode()


def test_urlencoded() -> None:
    pairs = arguments.form_pairs("application/x-www-form-urlencoded", b"a=1&b&a=%C3%A4&c=+x")
    assert pairs == [("a", "1"), ("b", ""), ("a", "ä"), ("c", " x")]


def test_fields_at_the_limit_pass_and_one_more_does_not() -> None:
    kind = "application/x-www-form-urlencoded"
    assert len(arguments.form_pairs(kind, b"&".join([b"a=1"] * 1000))) == 1000
    with pytest.raises(ClientError):
        arguments.form_pairs(kind, b"&".join([b"a=1"] * 1001))


def test_a_multipart_form_has_the_same_limit() -> None:
    field = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    kind = "multipart/form-data; boundary=b"
    assert arguments.form_pairs(kind, field * 1000 + b"--b--") == [("a", "1")] * 1000
    with pytest.raises(ClientError):
        arguments.form_pairs(kind, field * 1001 + b"--b--")


def test_other_headers_of_a_part_say_nothing_and_a_part_without_a_name_is_skipped() -> None:
    body = (
        b'--b\r\nX-A: 1\r\nContent-Disposition: form-data; name="a"\r\n'
        b"Content-Type: text/plain\r\n\r\n1\r\n--b\r\nX-A: 1\r\n\r\n2\r\n--b--"
    )
    assert arguments.form_pairs("multipart/form-data; boundary=b", body) == [("a", "1")]


@pytest.mark.parametrize("kind", ["", "text/plain", "application/octet-stream"])
def test_what_is_no_form_has_no_fields(kind: str) -> None:
    assert arguments.form_pairs(kind, b"a=1") == []


@pytest.mark.parametrize("boundary", ["b/=1", '"b/=1"'])
def test_multipart_skips_files(boundary: str) -> None:
    pairs = arguments.form_pairs(f"multipart/form-data; boundary={boundary}", FORM)
    assert pairs == [("a:int", "5"), ("näme", "ä")]


def test_multipart_skips_files_whose_name_is_encoded() -> None:
    form = FORM.replace(b'filename="x"', b"filename*=utf-8''x")
    pairs = arguments.form_pairs("multipart/form-data; boundary=b/=1", form)
    assert pairs == [("a:int", "5"), ("näme", "ä")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", FORM),
        ("multipart/form-data; boundary=b/=1", FORM[:-20]),
        ("multipart/form-data; boundary=other", FORM),
        ("multipart/form-data; boundary=b/=1", b""),
    ],
)
def test_broken_multipart(content_type: str, body: bytes) -> None:
    with pytest.raises(ClientError):
        arguments.form_pairs(content_type, body)


@given(st.binary(max_size=200))
def test_junk_never_raises_anything_else(junk: bytes) -> None:
    for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        with contextlib.suppress(ClientError):
            arguments.form_pairs(kind, b"--b\r\n" + junk)


@pytest.mark.parametrize(
    ("query", "form", "expected"),
    [
        ([], [], None),
        ([("connection_id", "7")], [], 7),
        ([("connection_id", "7")], [("connection_id", " 8 ")], 8),
    ],
)
def test_connection_id(query: arguments.Pairs, form: arguments.Pairs, expected: int | None) -> None:
    assert arguments.connection_id(query, form) == expected


@pytest.mark.parametrize("text", ["", "x", "-1", "9" * 19, "1.5", "\u00b2", "\u0663"])
def test_a_bad_connection_id(text: str) -> None:
    with pytest.raises(ClientError):
        arguments.connection_id([("connection_id", text)], [])
