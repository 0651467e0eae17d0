import pytest

from config.settings.authorization import parse_cors_domains
from mrk.access.trusted_clients import LOOPBACK, is_trusted
from mrk.http.cors import CorsRules
from mrk.http.head import RequestHead


def rules(*domains: str) -> CorsRules:
    patterns, skipped = parse_cors_domains(list(domains))
    assert skipped == []
    return CorsRules(patterns, lambda address: is_trusted(address, LOOPBACK))


def head(**headers: str) -> RequestHead:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return RequestHead("OPTIONS", "/", "1.1", pairs, "127.0.0.1", "127.0.0.1")


@pytest.mark.parametrize(
    ("domains", "origin", "allowed"),
    [
        ((), "http://127.0.0.1", False),
        (("http://my.mainsail.xyz",), "http://my.mainsail.xyz", True),
        (("http://my.mainsail.xyz",), "http://myxmainsail.xyz", False),
        (("http://my.mainsail.xyz",), "http://my.mainsail.xyz.evil.example", False),
        (("*.local",), "http://printer.local", True),
        (("*.local", "*://app.fluidd.xyz"), "https://app.fluidd.xyz", True),
        (("*",), "https://anything.example", True),
        (("*",), "http://x\r\nSet-Cookie: a", False),
        (("*",), "http://" + "x" * 2000, False),
        (("http://a.example",), "http://127.0.0.1:8080", True),
        (("http://a.example",), "http://[::1]:8080", True),
        (("http://a.example",), "https://127.0.0.1", True),
        (("http://a.example",), "app://127.0.0.1", False),
        (("http://a.example",), "http://", False),
        (("http://a.example",), "http://10.0.0.9", False),
        (("http://a.example",), "http://127.0.0.1@evil.example", False),
        (("http://a.example",), "http://[127.0.0.1", False),
        (("http://a.example",), "null", False),
    ],
)
def test_origins(domains: tuple[str, ...], origin: str, allowed: bool) -> None:
    assert rules(*domains).allows(origin) is allowed
    assert bool(rules(*domains).headers(origin)) is allowed


def test_a_preflight() -> None:
    answer = dict(rules("*").preflight(head(origin="http://a.example")))
    assert answer["Access-Control-Allow-Origin"] == "http://a.example"
    assert answer["Vary"] == "Origin"
    assert "DELETE" in answer["Access-Control-Allow-Methods"].split(", ")
    assert "X-Api-Key" in answer["Access-Control-Allow-Headers"].split(", ")
    assert "Access-Control-Allow-Private-Network" not in answer
    asked = head(origin="http://a.example", access_control_request_private_network="true")
    assert dict(rules("*").preflight(asked))["Access-Control-Allow-Private-Network"] == "true"
    assert rules().preflight(head(origin="http://a.example")) == ()
