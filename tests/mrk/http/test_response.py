import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.http.response import Response, error_response, reason_phrase, result_response, wire


def test_a_result() -> None:
    head, _, body = wire(result_response({"a": [1, None]})).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/json; charset=UTF-8",
        b"Content-Length: 25",
    ]
    assert body == b'{"result":{"a":[1,null]}}'


def test_an_error_carries_its_message_twice() -> None:
    answer = wire(error_response(ClientError("Move out of range: 1\n<x> \u20ac", 400)))
    assert answer.startswith(b"HTTP/1.1 400 Move out of range: 1 <x> ?\r\n")
    assert answer.endswith(
        '{"error":{"code":400,"message":"Move out of range: 1\\n<x> €"}}'.encode()
    )


def test_an_empty_message_gives_the_standard_phrase() -> None:
    assert wire(error_response(ClientError("", 404))).startswith(b"HTTP/1.1 404 Not Found\r\n")


@given(st.text())
def test_a_reason_is_one_short_line(message: str) -> None:
    reason = reason_phrase(message)
    assert len(reason) <= 200
    assert all(" " <= char <= "~" or "\xa0" <= char <= "\xff" for char in reason)


@pytest.mark.parametrize(
    ("keep_alive", "old", "line"),
    [(False, False, b"Connection: close"), (True, True, b"Connection: keep-alive")],
)
def test_what_becomes_of_the_connection_is_said(keep_alive: bool, old: bool, line: bytes) -> None:
    assert line in wire(Response(200), keep_alive, old).split(b"\r\n")


def test_head_and_204_have_no_body() -> None:
    assert wire(Response(200, b"12345"), head=True).endswith(b"Content-Length: 5\r\n\r\n")
    assert wire(Response(204, content_type="")) == b"HTTP/1.1 204 No Content\r\n\r\n"
