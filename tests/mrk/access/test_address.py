from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.access.address import UNKNOWN, ProxyRule
from mrk.access.trusted_clients import LOOPBACK, is_trusted

RULE = ProxyRule()
PROXIES = ProxyRule([ip_network("127.0.0.0/8"), ip_network("10.0.0.0/24")])


def seen(peer: str, *forwarded: str, real: str = "") -> str:
    headers = [("x-forwarded-for", value) for value in forwarded]
    if real:
        headers.append(("x-real-ip", real))
    return RULE.client(peer, False, headers)[0]


def test_without_a_proxy_the_peer_is_the_client() -> None:
    assert seen("127.0.0.1") == "127.0.0.1"
    assert seen("10.0.0.9") == "10.0.0.9"


def test_who_is_no_proxy_is_not_believed() -> None:
    for name, value in (
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", ""),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 gate"),
        ("x-client-ip", "127.0.0.1"),
        ("x-cluster-client-ip", "127.0.0.1"),
        ("true-client-ip", "127.0.0.1"),
        ("cf-connecting-ip", "127.0.0.1"),
    ):
        assert RULE.client("10.0.0.9", False, [(name, value)]) == ("10.0.0.9", False, True)
    nobodys = ProxyRule([]).client("127.0.0.1", False, [("x-real-ip", "10.0.0.9")])
    assert nobodys == ("127.0.0.1", False, True)


def test_an_untrusted_proxy_behind_a_trusted_one() -> None:
    """nginx on the machine adds the proxy's address to the list that it was sent."""
    for headers in (
        [("x-forwarded-for", "203.0.113.9, 10.0.0.9")],
        [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-for", "10.0.0.9")],
        [("x-forwarded-for", "203.0.113.9, 10.0.0.9"), ("x-real-ip", "10.0.0.9")],
        [("forwarded", "for=203.0.113.9, for=10.0.0.9")],
    ):
        assert RULE.client("127.0.0.1", False, headers) == ("10.0.0.9", False, True)
    alone = [("x-forwarded-for", " , 10.0.0.9"), ("via", "1.1 caddy")]
    assert RULE.client("127.0.0.1", False, alone) == ("10.0.0.9", False, False)
    # One of the headers suffices to tell of it, whichever that is.
    one_tells = [("x-forwarded-for", "10.0.0.9"), ("forwarded", "for=203.0.113.9, for=10.0.0.9")]
    assert RULE.client("127.0.0.1", False, one_tells) == ("10.0.0.9", False, True)
    # Whom nobody names is no proxy.
    hidden = [("x-forwarded-for", "203.0.113.9, unknown")]
    assert RULE.client("127.0.0.1", False, hidden) == (UNKNOWN, False, False)


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


@pytest.mark.parametrize(
    "text",
    [
        *("unknown", "Unknown", "_hidden", "10.0.0.9, unknown", "unix:", "10.0.0.9, unix:"),
        *("", " , ", "10.0.0", "a:b", "1.2.3.4.5", "[::1", "127.0.0.1 127.0.0.1", "x" * 9000),
    ],
)
def test_a_client_whom_the_proxy_does_not_name_is_nobody(text: str) -> None:
    assert seen("127.0.0.1", text) == UNKNOWN
    # The other header may be the client's own.
    for own in ("127.0.0.1", "10.0.0.9"):
        assert seen("127.0.0.1", text, real=own) == UNKNOWN
        assert RULE.client("127.0.0.1", False, [("x-real-ip", text)])[0] == UNKNOWN
        assert seen("127.0.0.1", own, real=text or " ") == UNKNOWN
    assert not is_trusted(UNKNOWN, LOOPBACK)


def forwarded(*values: str) -> str:
    return RULE.client("127.0.0.1", False, [("forwarded", value) for value in values])[0]


def test_the_standard_header() -> None:
    assert forwarded('For="[2001:db8::1]:4711";proto=https') == "2001:db8::1"
    assert forwarded("for=127.0.0.1", "proto=http; for = 10.0.0.9") == "10.0.0.9"
    assert forwarded("for=10.0.0.9, for=127.0.0.2") == "10.0.0.9"
    assert forwarded('for = "10.0.0.9" ; proto=http, ') == "10.0.0.9"
    for unclear in (
        "",
        "proto=https",
        "for=",
        'for=""',
        "for=_x",
        "for=unknown",
        "10.0.0.9",
        'for="',
        "for=10.0.0.9, proto=https",
        "for=10.0.0.9, for=",
    ):
        assert forwarded(unclear) == UNKNOWN
    # An open quote of the client's does not swallow what the proxy wrote behind it.
    assert forwarded('for="127.0.0.1, for=10.0.0.9') == "10.0.0.9"


def test_every_x_real_ip_counts() -> None:
    twice = [("x-real-ip", "10.0.0.9"), ("x-real-ip", "192.168.1.5")]
    assert RULE.client("127.0.0.1", False, twice)[0] == UNKNOWN


def test_an_empty_place_in_the_list_is_passed_over() -> None:
    assert seen("127.0.0.1", "10.0.0.9, ") == "10.0.0.9"


def test_headers_that_contradict_each_other_name_nobody() -> None:
    """A proxy wrote one of them, the client the other."""
    assert seen("127.0.0.1", "127.0.0.1", real="10.0.0.9") == UNKNOWN
    assert seen("127.0.0.1", "10.0.0.9", real="192.168.1.5") == UNKNOWN
    assert seen("127.0.0.1", "10.0.0.9", real="10.0.0.9") == "10.0.0.9"


def test_a_chain_is_walked_as_far_as_proxies_are_trusted() -> None:
    def far(*forwarded: str, real: str = "") -> str:
        headers = [("x-forwarded-for", value) for value in forwarded]
        if real:
            headers.append(("x-real-ip", real))
        return PROXIES.client("10.0.0.1", False, headers)[0]

    assert far("1.2.3.4, 192.168.1.9, 10.0.0.2") == "192.168.1.9"
    # The nearest proxy's word for its own peer, another trusted one.
    assert far("192.168.1.9, 10.0.0.2", real="10.0.0.2") == "192.168.1.9"
    assert far("junk, 10.0.0.2") == UNKNOWN


@given(st.text(max_size=50))
def test_a_stranger_behind_a_proxy_never_becomes_trusted(claim: str) -> None:
    assert not is_trusted(seen("127.0.0.1", claim + ", 10.0.0.9"), LOOPBACK)


def test_tls_at_the_proxy() -> None:
    https = [("x-forwarded-proto", "https")]
    assert RULE.client("10.0.0.9", True, [])[1]
    assert RULE.client("127.0.0.1", False, https) == ("127.0.0.1", True, False)
    assert not RULE.client("10.0.0.9", False, https)[1]
    assert not RULE.client("127.0.0.1", False, [("x-scheme", "http")])[1]
    named = [("x-scheme", " HTTPS"), ("x-real-ip", "10.0.0.9"), ("accept", "*/*")]
    assert RULE.client("127.0.0.1", False, named) == ("10.0.0.9", True, False)
    assert RULE.client("127.0.0.1", True, named[1:]) == ("10.0.0.9", True, False)
