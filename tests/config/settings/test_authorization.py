"""[authorization]: trusted clients and CORS domains."""

from ipaddress import ip_address, ip_network

import pytest

from config.load import load
from config.paths import Paths
from config.settings.authorization import (
    LOOPBACK,
    AuthorizationSettings,
    parse_allowed_hosts,
    parse_cors_domains,
    parse_trusted_clients,
    parse_trusted_proxies,
)


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
    ("entry", "noted"),
    [
        ("printer.lan", True),
        ("192.168.1.5", True),
        ("192.168.0.0/16", True),
        ("printer.*.lan", True),
        ("http://*/page", True),
        ("http://*://front.example.com", True),
        ("*", False),
        ("*.lan", False),
        ("*:7136", False),
        ("*://printer", False),
        ("HTTP://printer.lan:80", False),
        ("http:/*.lan", False),
        ("http*.lan", False),
        ("capacitor://localhost", False),
        ("http://printer.lan/", False),
        ("printer.*", False),
    ],
)
def test_an_entry_that_lets_no_page_in_is_noted(tmp_path, entry, noted):
    file = tmp_path / "x.conf"
    file.write_text(f"[server]\n[authorization]\ncors_domains: {entry}\n")
    loaded = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))
    assert not (noted and loaded.warnings)
    assert [f'"{entry}" in cors_domains lets no page in' in one for one in loaded.notes] == (
        [True] if noted else []
    )


@pytest.mark.parametrize(
    ("entry", "advice"),
    [
        ("192.168.1.5/24", "it names one address within 192.168.1.0/24: write the range"),
        ("fe80::1/10", "it names one address within fe80::/10: write the range"),
        ("10.0.0.0/33", "does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_bad_range_says_what_is_meant(entry, advice):
    _, (skipped,) = parse_trusted_clients([entry])
    assert f'"{entry}" is not a range' in skipped
    assert advice in skipped


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
        ("trusted_clients: 10.0.0.0/8\n", ("10.0.0.0/8",)),
    ],
)
def test_loopback_is_trusted_without_the_section_only(tmp_path, section, networks):
    file = tmp_path / "x.conf"
    file.write_text(f"[server]\n{section}")
    settings = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file)).settings
    trusted = settings.authorization.trusted_clients
    assert trusted.networks == tuple(ip_network(text) for text in networks)


def read(tmp_path, text):
    file = tmp_path / "x.conf"
    file.write_text(f"[server]\n[authorization]\n{text}")
    loaded = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))
    return loaded.settings.authorization, loaded.warnings


def test_defaults_need_no_login_and_believe_loopback(tmp_path):
    settings, warnings = read(tmp_path, "")
    assert settings.trusted_proxies == LOOPBACK
    assert settings.enable_api_key
    assert not settings.force_logins
    assert (settings.login_timeout_days, settings.max_login_attempts) == (90, None)
    assert settings.default_source == "moonraker"
    assert settings == AuthorizationSettings(trusted_clients=settings.trusted_clients)
    assert warnings == []


def test_all_of_it_written(tmp_path):
    text = (
        "trusted_proxies:\n  10.0.0.7\n  fd00::/8\nallowed_hosts: Printer.example.com.\n"
        "enable_api_key: no\nforce_logins: yes\nlogin_timeout: 3\nmax_login_attempts: 1\n"
        "default_source: LDAP\n"
    )
    settings, warnings = read(tmp_path, text)
    assert settings.trusted_proxies == (ip_network("fd00::/8"), ip_network("10.0.0.7/32"))
    assert settings.allowed_hosts[0].fullmatch("printer.example.com")
    assert not settings.enable_api_key
    assert settings.force_logins
    assert (settings.login_timeout_days, settings.max_login_attempts) == (3, 1)
    assert settings.default_source == "ldap"
    assert warnings == []


def test_an_unknown_source_is_a_warning(tmp_path):
    settings, warnings = read(tmp_path, "default_source: kerberos\n")
    assert settings.default_source == "moonraker"
    assert "kerberos" in warnings[0]


def test_proxies_are_addresses():
    networks, skipped = parse_trusted_proxies(["10.0.0.0/8", "proxy.lan", "10.0.0.1/8"])
    assert networks == (ip_network("10.0.0.0/8"),)
    assert len(skipped) == 2


@pytest.mark.parametrize(
    ("entry", "allowed", "refused"),
    [
        ("*.lan", ["a.lan", "a.b.lan"], ["alan", "a.lan.example"]),
        ("Printer.Example.com.", ["printer.example.com"], ["xprinter.example.com"]),
        ("*", ["anything.at.all"], []),
    ],
)
def test_allowed_hosts(entry, allowed, refused):
    (pattern,), skipped = parse_allowed_hosts([entry])
    assert skipped == []
    assert all(pattern.fullmatch(name) for name in allowed)
    assert not any(pattern.fullmatch(name) for name in refused)


@pytest.mark.parametrize("entry", ["http://a.lan", "a.lan:80", "a b", "a/b"])
def test_bad_allowed_hosts_are_skipped(entry):
    patterns, skipped = parse_allowed_hosts([entry])
    assert patterns == ()
    assert entry in skipped[0]
