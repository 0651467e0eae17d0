"""What may go through to Spoolman, and what it says in return."""

import pytest

from mrk.errors import ClientError
from mrk.spool.proxied import MOST_BODY_BYTES, Proxied, ProxyParams, checked, error_text


def ask(path="/v1/spool", verb="GET", **more):
    return checked(ProxyParams(verb, path, **more))


@pytest.mark.parametrize(
    ("path", "query", "target"),
    [
        ("/v1/spool", None, "/v1/spool"),
        ("/v1/setting/", "", "/v1/setting/"),
        ("/v1/spool", "limit=10&sort=id:asc", "/v1/spool?limit=10&sort=id:asc"),
        ("/v1/spool", "?a=b", "/v1/spool?a=b"),
        ("/v1/field/a%20b", None, "/v1/field/a%20b"),
        ("/v1/spool", "name=Weiß, matt", "/v1/spool?name=Wei%C3%9F,%20matt"),
        ("/v1/spool", "name=a%20b%C3%BC", "/v1/spool?name=a%20b%C3%BC"),
        ("/v1/spool", "name=100%&x=%zz%2", "/v1/spool?name=100%25&x=%25zz%252"),
        ("/v1/spool", 'name=a#b"<>\\^`{|}', "/v1/spool?name=a%23b%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("/v1/spool", "a=[1]+2", "/v1/spool?a=%5B1%5D+2"),
        ("/v1/spool?allow_archived=true", None, "/v1/spool?allow_archived=true"),
        ("/v1/spool?a=b c/../?d", "e=f", "/v1/spool?a=b%20c/../?d&e=f"),
        ("/v1/spool?", "a=b", "/v1/spool?a=b"),
        ("/v1/spool?", None, "/v1/spool"),
    ],
)
def test_targets(path, query, target):
    assert ask(path, query=query) == Proxied("GET", target, None)


@pytest.mark.parametrize(
    "path",
    ["", "v1/spool", "/v2/spool", "/v1", "/v1/../info", "/v1/spool/..", "/v1/%2e%2e/x",
     "/v1/..%2fx", "/v1/./x", "/v1//x", "/v1/a%2f%2fb", "/v1/%5c..", "/v1/x#y", "/v1/../x?y",
     "/v1/x y", "/v1/x\r\nA: b", "/v1/%0d%0a", "/v1/%00", "/v1/%25", "/v1/%252e%252e/x",
     "/v1/%zz", "/v1/ü", "/v1/\\x", "//evil/v1/", "http://evil/v1/spool", "/v1/" + "a" * 9000,
     "/V1/spool", "@evil/v1/", "/v1/x?a\r\nb", "/v1/x?" + "a" * 9000, "?/v1/spool"],
)  # fmt: skip
def test_paths_that_lead_elsewhere(path):
    with pytest.raises(ClientError, match="path") as caught:
        ask(path)
    assert caught.value.status == 400


@pytest.mark.parametrize("query", ["a\r\nb", "a\x7f", "\ud800", 5, ["a"], "x" * 8193])
def test_queries_that_are_none(query):
    with pytest.raises(ClientError, match="query"):
        ask(query=query)


def test_bodies():
    assert ask(verb="PUT", body={"a": 1.5}).body == b'{"a":1.5}'
    assert ask(verb="DELETE").body is None
    with pytest.raises(ClientError, match="GET"):
        ask(body={})
    with pytest.raises(ClientError) as caught:
        ask(verb="POST", body="x" * MOST_BODY_BYTES)
    assert caught.value.status == 413


def test_no_number_poisons_a_spool():
    assert ask(verb="PUT", body={"use_length": float("inf")}).body == b'{"use_length":null}'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"message":"No spool"}', "No spool"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":[{"loc":["body","x"],"msg":"Field required"}]}', "body.x: Field required"),
        (b'{"detail":[5]}', "5"),
        (b"Internal Server Error", "Spoolman answered 500"),
        (b"", "Spoolman answered 500"),
        (b"[" * 100_000, "Spoolman answered 500"),
        (b'{"message":{}}', "Spoolman answered 500"),
    ],
)
def test_errors_in_all_shapes(body, text):
    assert error_text(body, 500) == text


def test_errors_are_bounded():
    assert len(error_text(b'{"message":"' + b"x" * 100_000 + b'"}', 400)) == 1000
