"""Which requests are kept in case they come again."""

import pytest

from mrk.http.framing import framing
from mrk.http.head import RequestHead
from transports.door.request_start import RequestStart


@pytest.mark.parametrize(
    ("version", "headers", "raw_bytes", "expected"),
    [
        ("1.1", [], 2048, True),
        ("1.1", [], 2049, False),
        ("1.0", [("connection", "keep-alive")], 100, True),
        ("1.0", [], 100, False),
        ("1.1", [("connection", "close")], 100, False),
        ("1.1", [("content-length", "1")], 100, False),
        ("1.1", [("transfer-encoding", "chunked")], 100, False),
        ("1.1", [("connection", "upgrade"), ("upgrade", "websocket")], 100, False),
    ],
)
def test_a_short_head_alone_on_a_connection_that_goes_on(
    version: str, headers: list[tuple[str, str]], raw_bytes: int, expected: bool
) -> None:
    head = RequestHead("GET", "/server/info", version, headers, "192.0.2.1", "192.0.2.1")
    start = RequestStart(head, framing(head), bytes(raw_bytes), may_have_token=False)
    assert start.may_come_again is expected
