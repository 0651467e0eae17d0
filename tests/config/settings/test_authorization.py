"""[authorization]: trusted clients and CORS domains."""

from ipaddress import ip_address, ip_network

import pytest

from config.load import load
from config.paths import Paths
from config.settings.authorization import parse_cors_domains, parse_trusted_clients


def test_trusted_clients_by_kind():
    entries = ["10.0.0.1", "::1", "fe80::1%eth0", "10.0.0.0/8", "fe80::/10", "Work-shop.lan", "pi"]
    trusted, skipped = parse_trusted_clients(entries)
    assert skipped == []
    assert trusted.addresses == tuple(ip_address(text) for text in entries[:3])
    assert trusted.networks == (ip_network("10.0.0.0/8"), ip_network("fe80::/10"))
    assert trusted.names == ("work-shop.lan", "pi")


@pytest.mark.parametrize(
    "entry",
    [
        "10.0.0.1/8",
        "10.0.0.256",
        "10.0.0",
        "1.2.3.4:80",
        "::g",
        "a b",
        "*.lan",
        "a..b",
        "10.0.0.0/33",
    ],
)
def test_bad_trusted_clients_are_skipped(entry):
    trusted, skipped = parse_trusted_clients([entry, "pi.lan"])
    assert trusted.names == ("pi.lan",)
    assert trusted.addresses == trusted.networks == ()
    assert len(skipped) == 1
    assert entry in skipped[0]


@pytest.mark.parametrize(
    ("pattern", "allowed", "refused"),
    [
        ("*.local", ["http://a.local"], ["http://a.local:80", "http://alocal", "http://a.local.x"]),
        ("http://*.lan:*", ["http://a.lan:1", "http://a.b.lan:2"], ["https://a.lan:1"]),
        ("*://localhost:*", ["https://localhost:3000"], ["http://localhost"]),
        ("http://ui.lan", ["http://ui.lan", "http://UI.lan"], ["http://uixlan", "xhttp://ui.lan"]),
        ("*", ["http://anything.at.all"], []),
        ("http://10.0.0.1:80", ["http://10.0.0.1:80"], ["http://10.0.0.1:8080"]),
        ("http://[fe80::1]:*", ["http://[fe80::1]:80"], ["http://f:80"]),
    ],
)
def test_cors_domains(pattern, allowed, refused):
    patterns, skipped = parse_cors_domains([pattern])
    assert skipped == []
    assert all(patterns[0].fullmatch(origin) for origin in allowed)
    assert not any(patterns[0].fullmatch(origin) for origin in refused)


@pytest.mark.parametrize(
    "entry",
    ["http://a.lan/", "http://my.*", "http://my.*:80", "*.*", "my.l*n", "192.168.1.*", "a b"],
)
def test_unsafe_cors_domains_are_skipped(entry):
    patterns, skipped = parse_cors_domains([entry])
    assert patterns == ()
    assert len(skipped) == 1


@pytest.mark.parametrize(
    ("section", "networks"),
    [
        ("", ("127.0.0.0/8", "::1/128")),
        ("[authorization]\n", ()),
        ("[authorization]\ntrusted_clients: 10.0.0.0/8\n", ("10.0.0.0/8",)),
    ],
)
def test_loopback_is_trusted_without_the_section_only(tmp_path, section, networks):
    file = tmp_path / "x.conf"
    file.write_text(f"[server]\n{section}")
    settings = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file)).settings
    trusted = settings.authorization.trusted_clients
    assert trusted.networks == tuple(ip_network(text) for text in networks)
