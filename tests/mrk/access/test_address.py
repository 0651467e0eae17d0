import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.access.address import UNKNOWN, client_address, is_secure
from mrk.access.judge import LOOPBACK, judge


def seen(peer: str, *forwarded: str, real: str = "") -> str:
    headers = [("x-forwarded-for", value) for value in forwarded]
    if real:
        headers.append(("x-real-ip", real))
    return client_address(peer, headers)


def test_without_a_proxy_the_peer_is_the_client() -> None:
    assert seen("127.0.0.1") == "127.0.0.1"
    assert seen("10.0.0.9") == "10.0.0.9"


def test_strangers_headers_are_not_believed() -> None:
    assert seen("10.0.0.9", "127.0.0.1", real="127.0.0.1") == "10.0.0.9"


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_proxy_on_loopback_names_the_client(peer: str) -> None:
    assert seen(peer, "10.0.0.9") == "10.0.0.9"
    assert seen(peer, real="10.0.0.9") == "10.0.0.9"


def test_what_the_client_wrote_itself_stays_unread() -> None:
    assert seen("127.0.0.1", "127.0.0.1, 10.0.0.9") == "10.0.0.9"
    assert seen("127.0.0.1", "127.0.0.1", "10.0.0.9, 127.0.0.1") == "10.0.0.9"
    assert seen("127.0.0.1", "junk, 10.0.0.9") == "10.0.0.9"
    # A proxy that writes X-Forwarded-For alone passes a client's X-Real-Ip on.
    assert seen("127.0.0.1", "10.0.0.9", real="127.0.0.1") == "10.0.0.9"


def test_only_proxies_means_the_farthest_is_the_client() -> None:
    assert seen("127.0.0.1", "127.0.0.2, 127.0.0.1") == "127.0.0.2"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.9:4711", "10.0.0.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        (" 2001:DB8::1 ", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_spellings(text: str, address: str) -> None:
    assert seen("127.0.0.1", text) == address


@pytest.mark.parametrize("text", ["unknown", "", "10.0.0", "10.0.0.9, ", "a:b", "_hidden"])
def test_a_client_without_a_name_is_nobody(text: str) -> None:
    assert seen("127.0.0.1", text) == UNKNOWN
    assert not judge(UNKNOWN, LOOPBACK)


@given(st.text(max_size=50))
def test_a_stranger_behind_a_proxy_never_becomes_trusted(claim: str) -> None:
    assert not judge(seen("127.0.0.1", claim + ", 10.0.0.9"), LOOPBACK)


def test_tls_at_the_proxy() -> None:
    https = [("x-forwarded-proto", "https")]
    assert is_secure(True, "10.0.0.9", [])
    assert is_secure(False, "127.0.0.1", https)
    assert not is_secure(False, "10.0.0.9", https)
    assert not is_secure(False, "127.0.0.1", [])
