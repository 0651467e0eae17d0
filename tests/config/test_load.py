"""From a data folder to a Configuration."""

from ipaddress import ip_address, ip_network
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.config_errors import ConfigError
from config.load import load
from config.paths import Paths

DATA = Path(__file__).parent / "data"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config").mkdir()
    return tmp_path


def paths_of(folder, **options):
    return Paths.resolve(environ={}, data_path=folder, **options)


def write(folder, text, name="moonraker.conf"):
    (folder / "config" / name).write_text(text, encoding="utf-8")


def test_workshop_file():
    paths = paths_of("/data", config_file=DATA / "workshop.conf")
    configuration = load(paths)
    server = configuration.settings.server
    assert server.host is None
    assert server.port == 7126
    assert server.klippy_uds_address == Path("/data/comms/klippy.sock")
    assert server.route_prefix == "/shed/printer%20one"
    assert server.max_upload_size_bytes == 2048 * 1024 * 1024
    assert configuration.settings.data_store.temperature_store_size == 600
    assert configuration.settings.data_store.gcode_store_size == 750
    trusted = configuration.settings.authorization.trusted_clients
    assert trusted.addresses == (ip_address("127.0.0.1"),)
    assert trusted.networks == (ip_network("192.168.7.0/24"),)
    assert trusted.names == ("bench.lan",)
    assert configuration.files == [
        {
            "filename": "workshop.conf",
            "sections": [
                "server",
                "authorization",
                "data_store",
                "history",
                "webcam bed",
                "power heater",
            ],
        },
        {"filename": "workshop.d/extra.conf", "sections": ["data_store", "button door"]},
    ]
    assert configuration.orig["DEFAULT"] == {}
    assert configuration.orig["data_store"] == {
        "temperature_store_size": "600",
        "gcode_store_size": "750",
    }
    assert configuration.orig["webcam bed"]["stream_url"].endswith("#full")
    assert "\n[looks like a header]\n" in configuration.orig["power heater"]["response_template"]
    assert configuration.config["server"]["host"] == "all"
    assert configuration.config["server"]["klippy_uds_address"] == "/data/comms/klippy.sock"
    assert configuration.config["server"]["route_prefix"] == "/shed/printer one/"
    assert configuration.config["server"]["ssl_port"] == 7130
    assert configuration.config["authorization"]["trusted_clients"][-1] == "Bench.lan"
    heads = [warning.split(" (")[0] for warning in configuration.warnings]
    assert heads[:3] == [
        "[authorization]: option 'trusted_clients' has a bad entry, skipped: "
        '"192.168.7.9/24" is not a range',
        "[authorization]: option 'cors_domains' has a bad entry, skipped: "
        '"http://shop.*" has a wildcard in the top-level domain',
        "[authorization]: option 'cors_domains' has a bad entry, skipped: "
        '"https://shop.example/" ends in a slash',
    ]
    assert heads[3:] == []
    # server.config answers these three as they are.
    assert msgspec.json.encode([configuration.config, configuration.orig, configuration.files])


def test_defaults_without_a_file(folder):
    configuration = load(paths_of(folder))
    assert configuration.settings.server.port == 7125
    assert configuration.settings.authorization.trusted_clients.networks == (
        ip_network("127.0.0.0/8"),
        ip_network("::1/128"),
    )
    assert configuration.orig == {"DEFAULT": {}}
    assert configuration.files == []
    assert len(configuration.warnings) == 1
    assert "defaults are used" in configuration.warnings[0]


def test_toml_gives_the_same_settings(folder):
    write(folder, "[server]\nport: 7126\n[authorization]\ntrusted_clients:\n  ::1\n  a.lan\n")
    from_conf = load(paths_of(folder))
    (folder / "config" / "moonraker.conf").unlink()
    toml = "[server]\nport = 7126\n[authorization]\ntrusted_clients = ['::1', 'a.lan']\n"
    write(folder, toml, "mrk.toml")
    from_toml = load(paths_of(folder))
    assert from_toml.settings == from_conf.settings
    assert from_toml.orig == from_conf.orig
    assert from_toml.warnings == []


def test_both_kinds_at_once_are_an_error(folder):
    write(folder, "[server]\n")
    write(folder, "[server]\n", "mrk.toml")
    with pytest.raises(ConfigError, match=r"holds both moonraker\.conf and mrk\.toml"):
        load(paths_of(folder))
    named = paths_of(folder, config_file=folder / "config" / "mrk.toml")
    assert load(named).files[0]["filename"] == "mrk.toml"


def test_missing_named_file(folder):
    with pytest.raises(ConfigError, match=r"/no\.conf: the named configuration file does not"):
        load(paths_of(folder, config_file="/no.conf"))


def test_dangling_link_is_an_error(folder):
    (folder / "config" / "moonraker.conf").symlink_to("gone")
    with pytest.raises(ConfigError, match=r"moonraker\.conf: a link to gone, which does"):
        load(paths_of(folder))


def test_server_section_is_required(folder):
    write(folder, "[authorization]\n")
    with pytest.raises(ConfigError, match=r"^moonraker\.conf: \[server\] this section is missing$"):
        load(paths_of(folder))


def test_all_mistakes_are_told_at_once(folder):
    write(folder, "[server]\nport: abc\nssl_port: -1\nbare\n[authorization]\nforce_logins: x\n")
    with pytest.raises(ConfigError) as caught:
        load(paths_of(folder))
    assert str(caught.value).splitlines() == [
        'moonraker.conf:4: [server] "bare" is not an option: it lacks ":" or "="',
        'moonraker.conf:2: [server] port: "abc" is not an integer (expected 1 to 65535)',
        'moonraker.conf:3: [server] ssl_port: "-1" is out of range (expected 0 to 65535)',
        'moonraker.conf:6: [authorization] force_logins: "x" is not a boolean '
        "(expected yes or no, true or false)",
    ]
    assert len(caught.value.problems) == 4


def test_mistake_in_an_included_file_names_that_file(folder):
    write(folder, "[server]\n[include more.conf]\n")
    write(folder, "[server]\n\nport: 0\n", "more.conf")
    with pytest.raises(ConfigError, match=r"^more\.conf:3: \[server\] port: "):
        load(paths_of(folder))


def test_unknown_option_and_section(folder):
    write(folder, "[server]\nprot: 1\n[websockets]\n")
    configuration = load(paths_of(folder))
    assert configuration.warnings == [
        "[server]: option 'prot' is not known to mrk and has no effect; is 'port' meant?"
    ]
    assert not configuration.clean


@pytest.mark.parametrize(
    ("section", "option", "other"),
    [
        ("[machine]", "supervisord_config_path", "provider: supervisord_cli"),
        (
            "[power x]\ntype: gpio\npin: gpio3",
            "restart_delay",
            "restart_klipper_when_powered: True",
        ),
        ("[power x]\ntype: gpio\npin: gpio3", "poll_interval", "another type"),
        ("[wled x]\ntype: http\naddress: x", "baud", "another type"),
        (
            "[update_manager]\n[update_manager klipper]",
            "origin",
            "items other than klipper and moonraker, which are found without it",
        ),
        ("[update_manager]", "primary_branch", "an item, in [update_manager NAME]"),
        (
            "[update_manager x]\ntype: web\npath: /x\nrepo: a/b",
            "origin",
            "items of another type",
        ),
    ],
)
def test_an_option_without_what_it_goes_with(folder, section, option, other):
    write(folder, f"[server]\n{section}\n{option}: 1\n")
    configuration = load(paths_of(folder))
    told = f"option '{option}' has no effect here: it goes with {other}."
    assert any(told in warning for warning in configuration.warnings), configuration.warnings
    assert configuration.clean


@pytest.mark.parametrize("kind", ["button", "notifier", "power", "sensor", "webcam", "wled"])
def test_a_part_without_a_name(folder, kind):
    write(folder, f"[server]\n[{kind}]\ntype: x\n")
    configuration = load(paths_of(folder))
    assert configuration.warnings == [
        f"[{kind}]: a name is missing, as in [{kind} one]; without one it has no effect."
    ]


def test_core_options_in_server(folder):
    write(folder, "[server]\ngcode_store_size: 5\ntrusted_clients:\n  10.0.0.1\n")
    configuration = load(paths_of(folder))
    assert configuration.settings.data_store.gcode_store_size == 5
    trusted = configuration.settings.authorization.trusted_clients
    assert trusted.addresses == (ip_address("10.0.0.1"),)
    assert trusted.networks == ()
    assert configuration.config["server"]["gcode_store_size"] == 5
    assert len(configuration.warnings) == 2


def test_configuration_is_frozen(folder):
    configuration = load(paths_of(folder))
    with pytest.raises(AttributeError):
        configuration.settings.server.port = 1
    with pytest.raises(AttributeError):
        configuration.settings = None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    st.binary()
    | st.text(alphabet="[]server:=port1#\\ \n{}%").map(lambda text: f"[server]\n{text}".encode())
)
@pytest.mark.parametrize("name", ["moonraker.conf", "mrk.toml"])
def test_any_file_gives_a_configuration_or_a_config_error(folder, name, data):
    (folder / "config" / name).write_bytes(data)
    try:
        configuration = load(paths_of(folder))
    except ConfigError:
        return
    msgspec.json.encode([configuration.config, configuration.orig, configuration.files])
