import base64
import hashlib

import pytest

from mrk.errors import ClientError
from mrk.http.digests import digest_headers, is_wanted, sent_digest
from mrk.http.head import RequestHead

SHA = hashlib.sha256(b"G28").hexdigest()
TEXT = base64.b64encode(hashlib.sha256(b"G28").digest()).decode()


def head(*headers: tuple[str, str]) -> RequestHead:
    return RequestHead("GET", "/", "1.1", headers, "127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("wish", "wanted"),
    [
        ("sha-256=10", True),
        ("sha-512=3, sha-256=1", True),
        ("sha-256=1;q=2", True),
        (" sha-256=1 ", True),
        ("sha-256=0", False),
        ("sha-256=5, sha-256=0", False),
        ("sha-512=10", False),
        ("sha-256", False),
        ("sha-256=11", False),
        ("sha-256=x", False),
        ("", False),
    ],
)
def test_wishes(wish: str, wanted: bool) -> None:
    assert is_wanted(head(("want-repr-digest", wish))) is wanted


def test_no_wish() -> None:
    assert not is_wanted(head())
    assert is_wanted(head(("want-repr-digest", "sha-512=1"), ("want-repr-digest", "sha-256=1")))


def test_a_digest_as_it_is_told() -> None:
    assert digest_headers(SHA, ()) == (("Repr-Digest", f"sha-256=:{TEXT}:"),)
    assert digest_headers(SHA, (("Vary", "Origin"),))[1:] == (
        ("Access-Control-Expose-Headers", "Repr-Digest"),
    )


def test_a_digest_that_is_sent() -> None:
    assert sent_digest(head(), "repr-digest") is None
    assert sent_digest(head(("repr-digest", f"sha-256=:{TEXT}:")), "repr-digest") == SHA
    two = f"sha-512=:YWJj:, sha-256=:{TEXT}:"
    assert sent_digest(head(("content-digest", two)), "content-digest") == SHA
    lines = [("content-digest", text) for text in two.split(", ")]
    assert sent_digest(head(*lines), "content-digest") == SHA


@pytest.mark.parametrize(
    "sent",
    [
        "",
        SHA,
        f"sha-256={TEXT}",
        "sha-256=:YWJj:",
        "sha-256=:Y:",
        "sha-512=:YWJj:",
        f"sha-256=:{TEXT}:, sha-256=:{base64.b64encode(bytes(32)).decode()}:",
    ],
)
def test_digests_that_cannot_be_checked(sent: str) -> None:
    with pytest.raises(ClientError, match=r"repr-digest: .*expected") as refused:
        sent_digest(head(("repr-digest", sent)), "repr-digest")
    assert refused.value.status == 400
