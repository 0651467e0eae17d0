import pytest

from mrk.http.framing import Framing, framing
from mrk.http.head import RequestHead
from mrk.http.refusal import Refusal


def head(*headers: tuple[str, str], version: str = "1.1") -> RequestHead:
    return RequestHead("POST", "/", version, list(headers), "127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("request_head", "expected"),
    [
        (head(), Framing(0, True, False, "")),
        (head(("connection", "keep-alive")), Framing(0, True, False, "")),
        (head(("connection", "Close")), Framing(0, False, False, "")),
        (head(version="1.0"), Framing(0, False, False, "")),
        (head(("connection", "Keep-Alive"), version="1.0"), Framing(0, True, False, "")),
        (head(("content-length", "12")), Framing(12, True, False, "")),
        (head(("transfer-encoding", "Chunked")), Framing(None, True, False, "")),
        (
            head(("content-length", "1"), ("expect", "100-Continue")),
            Framing(1, True, True, ""),
        ),
        (head(("expect", "100-continue"), version="1.0"), Framing(0, False, False, "")),
        (
            head(("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")),
            Framing(0, True, False, "websocket"),
        ),
        (head(("upgrade", "websocket")), Framing(0, True, False, "")),
        (head(("connection", "Upgrade")), Framing(0, True, False, "")),
    ],
)
def test_framing(request_head: RequestHead, expected: Framing) -> None:
    assert framing(request_head) == expected


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(("content-length", "1"), ("transfer-encoding", "chunked")), 400),
        (head(("content-length", "1"), ("content-length", "1")), 400),
        (head(("content-length", "1, 1")), 400),
        (head(("content-length", "-1")), 400),
        (head(("content-length", "1_0")), 400),
        (head(("content-length", "٣")), 400),
        (head(("content-length", "9" * 19)), 413),
        (head(("transfer-encoding", "gzip, chunked")), 501),
        (head(("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")), 501),
        (head(("transfer-encoding", "chunked"), version="1.0"), 400),
        (head(("expect", "miracles")), 417),
    ],
)
def test_refused(request_head: RequestHead, status: int) -> None:
    with pytest.raises(Refusal) as caught:
        framing(request_head)
    assert caught.value.status == status
