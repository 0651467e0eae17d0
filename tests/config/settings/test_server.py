"""[server], every bound at its edge."""

from operator import attrgetter
from pathlib import Path

import pytest

from config.load import load
from config.paths import Paths

MIB = 1024 * 1024


@pytest.fixture
def read(tmp_path):
    """Reads a [server] section; gives its settings and the warnings."""

    def reading(text):
        file = tmp_path / "x.conf"
        file.write_text(f"[server]\n{text}\n")
        configuration = load(Paths.resolve(environ={}, data_path=tmp_path, config_file=file))
        return configuration.settings.server, configuration.warnings

    return reading


BOUNDS = [
    ("port", "port", 1, 65535, 1),
    ("max_upload_size", "max_upload_size_bytes", 1, 1048576, MIB),
    ("max_websocket_connections", "limits.websockets", 1, 100000, 1),
    ("max_connections", "limits.connections", 1, 100000, 1),
    ("max_requests_in_flight", "limits.requests_in_flight", 1, 100000, 1),
    ("max_batch_calls", "limits.batch_calls", 1, 100000, 1),
    ("max_body_size", "limits.body_bytes", 1, 1024, MIB),
    ("max_message_size", "limits.message_bytes", 1, 1024, MIB),
    ("outbox_size", "limits.outbox_bytes", 1, 1024, MIB),
    ("head_timeout", "limits.head_s", 1, 3600, 1),
    ("body_timeout", "limits.body_idle_s", 1, 3600, 1),
    ("send_timeout", "limits.send_s", 1, 3600, 1),
]


def field_of(server, name):
    return attrgetter(name)(server)


@pytest.mark.parametrize(("option", "field", "low", "high", "unit"), BOUNDS)
def test_bounds(read, option, field, low, high, unit):
    for value in (low, high):
        assert field_of(read(f"{option}: {value}")[0], field) == value * unit
    for value, used in ((low - 1, low), (high + 1, high)):
        if option == "port":
            with pytest.raises(Exception, match=rf"x\.conf:2: \[server\] {option}: .*out of range"):
                read(f"{option}: {value}")
            continue
        server, (warning,) = read(f"{option}: {value}")
        assert field_of(server, field) == used * unit
        assert f"option '{option}'" in warning
        assert f"(expected {low} to {high}); {used:g} is used" in warning
    with pytest.raises(Exception, match=rf"\[server\] {option}: .*expected {low} to {high}"):
        read(f"{option}: many")


def test_defaults(read):
    server, warnings = read("")
    assert warnings == []
    assert (server.host, server.port, server.ssl_port) == ("0.0.0.0", 7125, 7130)
    assert server.klippy_uds_address == Path("/tmp/klippy_uds")
    assert server.route_prefix == ""
    assert server.max_upload_size_bytes == 1024 * MIB
    assert server.limits.websockets == 1000
    assert server.ssl_certificate_path is None


@pytest.mark.parametrize(
    ("text", "host"), [("all", None), ("::1", "::1"), ("printer.lan", "printer.lan")]
)
def test_host(read, text, host):
    assert read(f"host: {text}")[0].host == host


@pytest.mark.parametrize("line", ["host: a b", "route_prefix: //"])
def test_refused_texts(read, line):
    with pytest.raises(Exception, match=line.split(":")[0]):
        read(line)


def test_options_that_are_left_empty(read):
    names = ("host", "route_prefix", "klippy_uds_address", "ssl_certificate_path", "ssl_key_path")
    server, _ = read("".join(f"{name}:\n" for name in names))
    assert server == read("")[0]


@pytest.mark.parametrize(
    ("text", "prefix"), [("a", "/a"), ("/a/b/", "/a/b"), ("a b/ü", "/a%20b/%C3%BC")]
)
def test_route_prefix(read, text, prefix):
    assert read(f"route_prefix: {text}")[0].route_prefix == prefix


def test_port_0_means_no_https(read):
    server, (warning,) = read("ssl_port: 0")
    assert server.ssl_port is None
    assert "there will be no HTTPS" in warning
    for value in ("-1", "65536", "off"):
        with pytest.raises(Exception, match=r"\[server\] ssl_port: .*expected 0 to 65535"):
            read(f"ssl_port: {value}")
    assert read("ssl_port: 65535")[0].ssl_port == 65535


def test_same_port_twice_means_no_https(read):
    server, warnings = read("port: 8000\nssl_port: 8000")
    assert server.ssl_port is None
    assert "there will be no HTTPS" in warnings[0]


def test_template_failure_names_the_option(read):
    with pytest.raises(Exception, match=r"\[server\] klippy_uds_address: .* 'a' is undefined"):
        read("klippy_uds_address: {a.b}")


def test_certificates_of_the_data_folder(read, tmp_path):
    (tmp_path / "certs").mkdir()
    for name in ("moonraker.cert", "moonraker.key"):
        (tmp_path / "certs" / name).touch()
    server, _ = read("")
    assert server.ssl_certificate_path == tmp_path / "certs" / "moonraker.cert"
    assert server.ssl_key_path == tmp_path / "certs" / "moonraker.key"


def test_deprecated_certificate_options(read, tmp_path):
    old = tmp_path / "old.cert"
    server, warnings = read(f"ssl_certificate_path: {old}")
    assert server.ssl_certificate_path is None
    assert f"does not exist: {old}; there will be no HTTPS" in warnings[1]
    old.touch()
    server, warnings = read(f"ssl_certificate_path: {old}")
    assert server.ssl_certificate_path == old
    assert "option 'ssl_certificate_path' is deprecated" in warnings[0]
    (tmp_path / "certs").mkdir()
    usual = tmp_path / "certs" / "moonraker.cert"
    usual.touch()
    assert read(f"ssl_certificate_path: {old}")[0].ssl_certificate_path == usual


def test_deprecated_debug_logging(read):
    _, warnings = read("enable_debug_logging: True")
    assert len(warnings) == 1
    assert "--verbose" in warnings[0]


def test_a_host_that_is_none_is_told(read):
    server, warnings = read('host: "0.0.0.0"')
    assert server.host == '"0.0.0.0"'
    assert "is no address and no name: write it alone, without quotes" in warnings[0]
    assert read("host: all") == (server.__class__(host=None), [])
