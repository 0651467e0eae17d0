"""Addresses of websockets as a handshake has them."""

from urllib.parse import urlsplit

import pytest

from mrk.websocket.client_request import host_and_resource


@pytest.mark.parametrize(
    ("url", "host", "resource"),
    [
        ("ws://printer.local:7125", "printer.local:7125", "/"),
        ("ws://[::1]:80/a%20b?x=1&y=[2]", "[::1]:80", "/a%20b?x=1&y=[2]"),
        ("ws://brücke.local:7125/ä b?x=é", "xn--brcke-lva.local:7125", "/%C3%A4%20b?x=%C3%A9"),
    ],
)
def test_what_goes_over_the_wire(url: str, host: str, resource: str) -> None:
    assert host_and_resource(urlsplit(url)) == (host, resource)


def test_a_name_that_no_host_has() -> None:
    with pytest.raises(UnicodeError):
        host_and_resource(urlsplit("ws://ä..b/"))
