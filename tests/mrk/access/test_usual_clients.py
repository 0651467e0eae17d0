"""What clients at home send, with their addresses trusted: none of them may notice the checks."""

import pytest

from mrk.access.address import ProxyRule
from mrk.definitions.roles import Role
from mrk.http.head import RequestHead
from tests.fakes.request_authorizer import LOOPBACK, authorizer

PHONE = "192.168.1.40"
HOSTS = ("voron.local", "192.168.1.2", "voron", "voron.lan", "[fd00::2]", "voron.home.arpa")
BROWSER = {"user-agent": "Mozilla/5.0", "accept-language": "en", "referer": "http://x/"}


def nginx(host: str, origin: str | None, **more: str) -> dict[str, str]:
    """As the front ends' own instructions configure it."""
    passed = {"x-real-ip": PHONE, "x-forwarded-for": PHONE, "x-scheme": "http"}
    return {"host": host, **({} if origin is None else {"origin": origin}), **passed, **more}


def admitted(peer: str, verb: str, headers: dict[str, str], target: str = "/x") -> bool:
    pairs = list(headers.items())
    head = RequestHead(verb, target, "1.1", pairs, peer, *ProxyRule().client(peer, False, pairs))
    checked = authorizer((*LOOPBACK, "192.168.1.0/24"))
    decision = checked.admit(head, Role.ADMIN)
    return decision.authorized and checked.allows_socket(head)


@pytest.mark.parametrize("port", ["", ":81", ":7125"])
@pytest.mark.parametrize("host", HOSTS)
def test_front_ends_behind_nginx(host: str, port: str) -> None:
    origin = f"http://{host}{port}"
    for verb in ("GET", "POST", "DELETE"):
        assert admitted("127.0.0.1", verb, {**nginx(host + port, origin), **BROWSER})
    assert admitted("127.0.0.1", "GET", nginx(host + port, None))


def test_front_ends_over_tls() -> None:
    headers = nginx("voron.local", "https://voron.local", **{"sec-fetch-site": "same-origin"})
    assert admitted("127.0.0.1", "POST", {**headers, **BROWSER})


@pytest.mark.parametrize("host", ["127.0.0.1:7125", "localhost:7125", "mainsailos:7125"])
def test_programs_on_the_machine(host: str) -> None:
    """KlipperScreen, a timelapse plug-in, curl; some send an empty token."""
    for verb in ("GET", "POST"):
        assert admitted("127.0.0.1", verb, {"host": host, "user-agent": "python-requests/2"})
    assert admitted("127.0.0.1", "GET", {"host": host}, "/websocket?token=")


@pytest.mark.parametrize("host", HOSTS)
def test_slicers_and_home_automation(host: str) -> None:
    for headers in (
        {"user-agent": "PrusaSlicer/2.7", "expect": "100-continue"},
        {"user-agent": "OrcaSlicer", "x-api-key": ""},
        {"user-agent": "HomeAssistant/2026.1 aiohttp/3.9"},
        {"user-agent": "curl/8.5"},
    ):
        assert admitted(PHONE, "POST", {"host": f"{host}:7125", **headers})


def test_an_address_typed_into_a_browser() -> None:
    headers = {"host": "voron.local:7125", "sec-fetch-site": "none", **BROWSER}
    assert admitted(PHONE, "GET", headers)


def test_a_slicers_own_browser() -> None:
    """The device page of OrcaSlicer opens the front end by its address."""
    headers = {"host": "192.168.1.2", "origin": "http://192.168.1.2", **BROWSER}
    assert admitted(PHONE, "POST", headers)


def test_an_old_client_without_a_host() -> None:
    assert admitted(PHONE, "POST", {})
