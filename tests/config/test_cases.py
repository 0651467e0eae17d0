"""Files as people have them: what is wrong in one costs that component, and says what to write."""

import json
import re
import shutil
from pathlib import Path

import pytest

from config.check import check, has_errors
from config.config_errors import ConfigError
from config.load import load
from config.paths import Paths

CASES = Path(__file__).parent / "data" / "cases"
LINE_NUMBER = re.compile(r"\.conf:\d+\b")


@pytest.fixture
def folder(tmp_path):
    """A data folder with a case as its moonraker.conf."""
    (tmp_path / "config").mkdir()

    def make(name):
        shutil.copy(CASES / f"{name}.conf", tmp_path / "config" / "moonraker.conf")
        return Paths.resolve(environ={"HOME": str(tmp_path)}, data_path=tmp_path)

    return make


def components(configuration):
    return [failure.component for failure in configuration.failures]


@pytest.mark.parametrize("name", sorted(case.stem for case in CASES.glob("*.conf")))
def test_only_a_mistake_of_the_file_itself_stops_a_start(folder, name):
    paths = folder(name)
    lines = check(None, paths)
    assert has_errors(lines) == (name == "option-after-include")
    if has_errors(lines):
        return
    configuration = load(paths)
    for warning in configuration.warnings:
        assert not warning.startswith("Unparsed config")
        assert not LINE_NUMBER.search(warning), warning
    # check-config and the log name the line of each.
    assert len(lines) == len(configuration.warnings)
    assert all(LINE_NUMBER.search(line) for line in lines)


def test_a_port_from_the_secrets_file(folder):
    paths = folder("mqtt-port-template")
    broker = {"ip": "192.168.7.7", "port": 8883, "user": "printer", "pass": "open sesame"}
    paths.secrets.write_text(json.dumps({"broker": broker}))
    configuration = load(paths)
    assert components(configuration) == []
    mqtt = configuration.settings.mqtt
    assert (mqtt.address, mqtt.port) == ("192.168.7.7", 8883)
    assert mqtt.username.reveal() == "printer"
    shown = configuration.config["mqtt"]
    assert shown["address"] == "{secrets.broker.ip}"
    assert shown["port"] == "{secrets.broker.port}"


@pytest.mark.parametrize("port", ["", "many", 0, None])
def test_a_port_from_the_secrets_file_that_is_none(folder, port):
    paths = folder("mqtt-port-template")
    broker = {"ip": "192.168.7.7", "port": port, "user": "printer", "pass": "x"}
    paths.secrets.write_text(json.dumps({"broker": broker}))
    configuration = load(paths)
    assert components(configuration) == ["mqtt"]
    assert "[mqtt] port: " in configuration.failures[0].reason


@pytest.mark.parametrize("name", ["mqtt-port-template", "mqtt-secrets-absent"])
def test_a_missing_secrets_file_is_told_as_missing(folder, name):
    paths = folder(name)
    configuration = load(paths)
    assert components(configuration) == ["mqtt"]
    assert configuration.settings.mqtt is None
    assert configuration.failures[0].reason in configuration.warnings
    for warning in configuration.warnings:
        assert f"there is no secrets file {paths.secrets}" in warning
    paths.secrets.write_text("{}")
    reason = load(paths).failures[0].reason
    assert "there is no secrets file" not in reason
    assert "secrets.broker" in reason


@pytest.mark.parametrize(
    ("name", "component", "told"),
    [
        ("spoolman-incomplete", "spoolman", '"server: http://'),
        ("octoprint-bad-bool", "octoprint_compat", "expected yes or no"),
    ],
)
def test_a_mistake_costs_its_component(folder, name, component, told):
    configuration = load(folder(name))
    assert components(configuration) == [component]
    assert getattr(configuration.settings, component) is None
    (warning,) = configuration.warnings
    assert warning.startswith(f"moonraker.conf: [{component}] ")
    assert told in warning
    assert not configuration.clean


@pytest.mark.parametrize("name", ["database-bare", "core-names-bare"])
def test_sections_that_are_empty_by_nature_say_nothing(folder, name):
    configuration = load(folder(name))
    assert configuration.warnings == []
    assert components(configuration) == []


def test_options_in_such_sections_are_told(folder):
    paths = folder("core-names-bare")
    file = paths.config / "moonraker.conf"
    file.write_text(file.read_text() + "chip: 1\n[shell_command beep]\ncommand: beep\n")
    assert load(paths).warnings == [
        "[gpio]: this section has no options; what stands in it has no effect.",
        "[shell_command beep]: mrk has no sections of this kind, so it has no effect.",
    ]


def test_add_ons_fail_with_a_text_that_knows_them(folder):
    configuration = load(folder("third-party-sections"))
    assert [add_on.component for add_on in configuration.settings.add_ons] == [
        "timelapse",
        "mmu_server",
    ]
    assert components(configuration) == ["kobra"]
    (told,) = configuration.warnings
    assert "Rinkhals" in told
    assert "remove" not in told
    assert "spelling" not in told
    assert configuration.clean


def load_with(folder, section):
    """A bare configuration with one more section."""
    paths = folder("core-names-bare")
    file = paths.config / "moonraker.conf"
    file.write_text(file.read_text() + section)
    return load(paths)


@pytest.mark.parametrize(
    "name", ["mmu_ace", "memory_manager", "mms_server", "polar_cloud", "ledcontrol"]
)
def test_each_add_on_of_moonraker_is_named(folder, name):
    configuration = load_with(folder, f"[{name}]\nlog: True\n")
    (told,) = configuration.warnings
    assert told.startswith(f"[{name}] belongs to ")
    assert configuration.clean


@pytest.mark.parametrize("name", ["gcode_macro PRINT START", "virtual_sdcard", "mcu host"])
def test_a_section_of_klippers_says_where_it_belongs(folder, name):
    configuration = load_with(folder, f"[{name}]\npath: ~/gcodes\n")
    (told,) = configuration.warnings
    assert told == (
        f"[{name}] is a section of Klipper's: it belongs in printer.cfg, and has no effect here."
    )
    assert components(configuration) == [name.partition(" ")[0]]


@pytest.mark.parametrize(
    "text",
    ["[server]\nenable_cors: True\n", "[server]\n[authorization]\nenable_cors: True\n"],
)
def test_cors_of_old_says_what_counts_now(folder, text):
    paths = folder("core-names-bare")
    (paths.config / "moonraker.conf").write_text(text)
    (told,) = load(paths).warnings
    assert "of an older version" in told
    assert "cors_domains" in told


def test_a_mistyped_section_says_what_is_meant(folder):
    paths = folder("database-bare")
    file = paths.config / "moonraker.conf"
    file.write_text(file.read_text() + "[file_mnager]\nqueue_gcode_uploads: yes\n[sonar]\n")
    configuration = load(paths)
    assert components(configuration) == ["file_mnager", "sonar"]
    assert "Is [file_manager] meant?" in configuration.warnings[0]
    assert "add-on" in configuration.warnings[1]


def test_limits_are_clamped_with_a_warning_each(folder):
    configuration = load(folder("limits"))
    settings = configuration.settings
    assert settings.server.max_upload_size_bytes == 1024 * 1024
    assert settings.server.limits.websockets == 1
    assert settings.data_store.temperature_store_size == 86_400
    assert settings.data_store.gcode_store_size == 100_000
    assert settings.file_manager.metadata_parser_s == 0.1
    assert settings.authorization.login_timeout_days == 36_500
    assert len(configuration.warnings) == 6
    assert all("(expected " in warning for warning in configuration.warnings)


def test_an_api_that_is_off_says_so(folder):
    configuration = load(folder("mqtt-api-default"))
    assert configuration.settings.mqtt is not None
    (warning,) = configuration.warnings
    assert "enable_moonraker_api: True" in warning


def test_every_kind_of_update_is_read(folder):
    configuration = load(folder("many-updates"))
    assert configuration.warnings == []
    updates = configuration.settings.update_manager
    assert [item.name for item in updates.items] == ["frontend", "macros"]
    assert updates.items[1].services == ("klipper",)


def test_an_option_after_an_include_names_file_and_line(folder):
    paths = folder("option-after-include")
    (paths.config / "other.cfg").write_text("[job_queue]\n")
    with pytest.raises(ConfigError, match=r"moonraker\.conf:12: .*directly after an include"):
        load(paths)
