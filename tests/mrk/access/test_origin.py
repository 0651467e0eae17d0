import pytest
from msgspec.structs import replace

from mrk.access.hosts import Hosts, host_name
from mrk.access.origin import cross_site
from mrk.access.reasons import Reason
from mrk.access.request_authorizer import RequestAuthorizer, may_have_token
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
        ({"host": "printer:443", "origin": "HTTPS://Printer"}, True),
        ({"host": "printer:80", "origin": "https://printer"}, False),
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
        *((f"voron.{word}", True) for word in ("localhost", "local", "lan", "home", "internal")),
        *((f"voron.{word}", True) for word in ("intranet", "localdomain", "private")),
        ("ok.example", True),
        ("tls.example", True),
        ("1.2.3", False),
        ("a:b", False),
        ("x" * 300, False),
    ],
)
def test_our_names(host: str, ours: bool) -> None:
    pages = {"http://ok.example", "https://tls.example"}
    assert Hosts(["Voron.example.net."], (), pages.__contains__).is_ours(host) is ours


@pytest.mark.parametrize(
    ("verb", "headers", "refused"),
    [
        ("GET", {}, False),
        ("GET", {"user_agent": "Mozilla/5.0"}, True),
        ("GET", {"sec_fetch_site": "same-site"}, True),
        ("GET", {"user_agent": "Mozilla/5.0", "sec_fetch_site": " Same-Origin"}, False),
        ("GET", {"user_agent": "Mozilla/5.0", "sec_fetch_site": "none"}, False),
        ("GET", {"sec_fetch_site": "cross-site", "referer": "http://printer/"}, True),
        ("GET", {"sec_fetch_site": "same-site", "referer": " http://Printer:81/x"}, False),
        ("GET", {"referer": "http://evil.example/printer"}, True),
        ("GET", {"origin": "http://evil.example", "referer": "http://printer/"}, True),
        # A browser names the page of what is more than reading, so who names none is no browser.
        ("POST", {"user_agent": "Mozilla/5.0"}, False),
        ("POST", {"sec_fetch_site": "same-site"}, False),
        ("POST", {"sec_fetch_site": "Cross-Site"}, True),
        ("POST", {"origin": "null"}, True),
        ("POST", {"origin": "http://printer:81"}, False),
    ],
)
def test_whose_page_may_change_something(verb: str, headers: dict[str, str], refused: bool) -> None:
    given = replace(head(host="printer", **headers), method=verb)
    decision = authorizer().decide(given, changing=True)
    assert decision.reason is (Reason.CROSS_SITE if refused else Reason.TRUSTED_ADDRESS)
    assert decision.trusted
    assert authorizer().decide(given, changing=False).authorized


def test_an_origin_that_is_none_is_not_the_host_that_was_left_out() -> None:
    assert cross_site("null", "", "", lambda _origin: False)


def test_of_a_header_that_stands_there_twice_the_first_counts() -> None:
    pairs = [("host", "evil.example"), ("host", "printer"), ("referer", "x")]
    given = RequestHead("GET", "/x", "1.1", pairs, "127.0.0.1", "127.0.0.1")
    decision = authorizer().decide(given, changing=False)
    assert (decision.reason, decision.trusted) == (Reason.FOREIGN_HOST, True)


@pytest.mark.parametrize(
    ("target", "headers", "may"),
    [
        ("/x", {}, False),
        ("/x?name=token", {"x_api_key": "k", "host": "printer"}, False),
        ("/x?token=t", {}, True),
        ("/x?access_token=t", {}, True),
        ("/x", {"host": "printer", "authorization": "Bearer t"}, True),
        ("/x", {"x_access_token": "t", "host": "printer"}, True),
    ],
)
def test_where_a_token_may_be(target: str, headers: dict[str, str], may: bool) -> None:
    assert may_have_token(replace(head(**headers), target=target)) is may


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
    # Of too many fields nobody knows which they are.
    many = replace(plain, target="/printer/objects/query?%61" + "&a" * 1000)
    with pytest.raises(ClientError):
        checked.admit(many, Role.VIEW)
    reading = replace(plain, target="/printer/objects/query?tool%68ead")
    assert checked.admit(reading, Role.VIEW).authorized
