import pytest

from mrk.access.hosts import Hosts, host_name
from mrk.access.request_authorizer import RequestAuthorizer
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from mrk.http.head import RequestHead
from tests.fakes.request_authorizer import authorizer


def head(**headers: str) -> RequestHead:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return RequestHead("GET", "/websocket", "1.1", pairs, "127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "printer:7125"}, True),
        ({"host": "printer:7125", "origin": "http://printer:7125"}, True),
        ({"host": "Printer:7125", "origin": "http://printer:7125"}, True),
        ({"host": "printer", "origin": "http://printer:80"}, True),
        ({"host": "printer:7125", "origin": "http://printer"}, False),
        ({"host": "printer:7125", "origin": "http://evil.example"}, False),
        ({"host": "printer:7125", "origin": "http://ok.example"}, True),
        ({"origin": "null"}, False),
        ({"host": "", "origin": "file://"}, False),
        ({"host": "printer", "origin": "http://[printer"}, False),
    ],
)
def test_websocket_handshakes(headers: dict[str, str], allowed: bool) -> None:
    checked: RequestAuthorizer = authorizer(cors_domains=["http://ok.example"])
    assert checked.allows_socket(head(**headers)) is allowed


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Printer.Local:80", "printer.local"),
        ("printer.local.", "printer.local"),
        ("[FD00::1]:7125", "fd00::1"),
        (" ", ""),
        ("a:b", ""),
        ("fd00::1", ""),
    ],
)
def test_host_names(header: str, name: str) -> None:
    assert host_name(header) == name


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("", True),
        ("localhost:7125", True),
        ("app.localhost", True),
        ("voron.home.arpa", True),
        ("Voron.Example.NET.", True),
        ("voron.example.net.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evillocal", True),  # one word is no name that anybody could register
        ("evil.notlocal", False),
        ("1.2.3", False),
        ("a:b", False),
        ("x" * 300, False),
    ],
)
def test_our_names(host: str, ours: bool) -> None:
    assert Hosts(["voron.example.net"]).is_ours(host) is ours


@pytest.mark.parametrize("name", ["connection_id", "connection%5Fid", "%63onnection_id"])
def test_another_sites_page_does_not_act_for_a_websocket(name: str) -> None:
    """A subscription by an image would replace the one of the front end beside it."""
    target = f"/printer/objects/subscribe?{name}=3&toolhead"
    plain = head(host="printer", user_agent="Mozilla/5.0")
    asked = RequestHead("GET", target, "1.1", plain.headers, plain.peer, plain.address)
    own = RequestHead(
        "GET", target, "1.1", [*plain.headers, ("referer", "http://printer/")], *("127.0.0.1",) * 2
    )
    checked: RequestAuthorizer = authorizer()
    assert checked.admit(plain, Role.VIEW).authorized
    assert checked.admit(own, Role.VIEW).authorized
    with pytest.raises(ClientError) as refused:
        checked.admit(asked, Role.VIEW)
    assert refused.value.status == 403
