"""An API key may come as a bearer, and nothing else changes."""

import pytest

from mrk.http.head import RequestHead
from mrk.metrics.credentials import bearer_as_key


def head(*headers):
    return RequestHead("GET", "/metrics", "1.1", headers, "10.0.0.9", "10.0.0.9")


def test_a_key():
    given = head(("host", "x"), ("authorization", "Bearer  0123abc "), ("x-api-key", "other"))
    assert bearer_as_key(given).headers == [
        ("x-api-key", "0123abc"), ("host", "x"), ("x-api-key", "other"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["Bearer a.b.c", "Bearer ", "Bearer", "Basic 0123abc", ""])
def test_what_is_no_key_stays(text):
    given = head(("authorization", text))
    assert bearer_as_key(given) is given
    assert bearer_as_key(head()) == head()
