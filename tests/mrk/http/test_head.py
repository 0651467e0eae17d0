"""The query of a request, which is read once where it is asked for again and again."""

import pytest

from mrk.http.head import RequestHead


def query_of(method: str, target: str) -> object:
    return RequestHead(method, target, "1.1", [], "10.0.0.2", "10.0.0.2").query


def test_the_same_query_is_read_once() -> None:
    asked = [query_of("GET", "/printer/objects/query?toolhead&read=once") for _ in range(2)]
    assert asked[0] is asked[1]
    assert asked[0] == (("toolhead", ""), ("read", "once"))


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", "/access/login?username=ann&password=kept-nowhere"),
        ("GET", "/websocket?token=kept-nowhere"),
        ("GET", "/server/info?access_token=kept-nowhere"),
        ("GET", f"/server/info?long={'x' * 512}"),
    ],
)
def test_secrets_and_long_queries_are_not_kept(method: str, target: str) -> None:
    asked = [query_of(method, target) for _ in range(2)]
    assert asked[0] == asked[1]
    assert asked[0] is not asked[1]
