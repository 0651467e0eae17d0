"""A generation whose optional parts are broken: they fail, each with its reason, and it stands."""

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from config.load import load
from config.paths import Paths
from mrk.api.caller import Caller, Transport
from mrk.errors import MrkError
from mrk.supervision import SupervisionState
from nurseries.root.generation import Generation
from nurseries.root.real_surroundings import NoLog, real_surroundings
from nurseries.supervise import NotBuilt, build

HEAD = "[server]\n[authorization]\n"
BROKER = "[mqtt]\naddress: broker\nenable_moonraker_api: False\n"
SENSOR = (
    "[sensor s]\ntype: mqtt\nstate_topic: a\n"
    "state_response_template: {set_result('x', payload|float)}\n"
)


class House:
    def __init__(self, folder: Path) -> None:
        (folder / "config").mkdir()
        self.paths = Paths.resolve(environ={}, data_path=folder)

    def generation(self, text: str) -> Generation:
        (self.paths.config / "moonraker.conf").write_text(HEAD + text)
        configuration = load(self.paths)
        outside = real_surroundings(self.paths, configuration, NoLog(), "0" * 32)
        return Generation(1, configuration, outside)

    def info(self, text: str) -> Any:
        """As `server.info` answers."""
        table = self.generation(text).table
        method = table.method("server.info", Transport.UNIX)
        return method.call({}, Caller(Transport.UNIX))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_nothing_fails_where_nothing_is_wrong(house: House) -> None:
    info = house.info(BROKER + SENSOR + "[spoolman]\nserver: x\n[octoprint_compat]\n")
    assert (info.failed_components, info.warnings) == ([], [])
    assert {"mqtt", "sensor", "spoolman", "octoprint_compat"} <= set(info.components)


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("[mqtt]\nport: 1\n", "mqtt"),
        ("[spoolman]\nserver: http://x\nsync_rate: often\n", "spoolman"),
        ("[octoprint_compat]\nflip_h: maybe\n", "octoprint_compat"),
        ("[ldap]\nldap_host: x\n", "ldap"),
        ("[timelapse]\n", "timelapse"),
        ("[octoprnt_compat]\n", "octoprnt_compat"),
    ],
)
def test_a_section_with_a_mistake_is_a_failed_component(
    house: House, text: str, component: str
) -> None:
    info = house.info(text + "[history]\n")
    assert info.failed_components == [component]
    assert component not in info.components
    assert any(f"[{component}]" in warning for warning in info.warnings)
    assert "job_queue" in info.components


def test_the_reason_stands_in_the_tree(house: House) -> None:
    generation = house.generation("[spoolman]\n")
    (part,) = [part for part in generation.parts if part.name == "spoolman"]
    assert part.state is SupervisionState.FAILED
    assert not part.essential
    assert part.last_error is not None
    assert "[spoolman] server: this option is required" in part.last_error


def test_sensors_fail_with_the_broker(house: House) -> None:
    info = house.info("[mqtt]\nport: 1\n" + SENSOR)
    assert info.failed_components == ["mqtt", "sensor"]
    assert "sensor does not run: it needs [mqtt], which does not run" in info.warnings


def test_a_missing_library_is_a_failed_component(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "transports.mqtt.subsystem", None)
    info = house.info(BROKER)
    assert info.failed_components == ["mqtt"]
    (warning,) = info.warnings
    assert warning.startswith(
        "mqtt does not run: the library transports.mqtt.subsystem cannot be used"
    )
    assert warning in caplog.text


def test_ldap_without_its_library_is_a_failed_component(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "ldap3" else find(name)
    )
    info = house.info("[ldap]\nldap_host: x\nbase_dn: dc=x\n")
    assert info.failed_components == ["ldap"]
    assert "pip install 'mrk[ldap]'" in info.warnings[0]


def test_whatever_building_raises(caplog: pytest.LogCaptureFixture) -> None:
    def fail(exc: BaseException) -> None:
        raise exc

    for exc, said in (
        (MrkError("its file is gone"), "x does not run: its file is gone"),
        (PermissionError(13, "denied", "/a"), "x does not run: [Errno 13] denied: '/a'"),
        (ZeroDivisionError("secret"), "x does not run: ZeroDivisionError (see the log)"),
    ):
        with pytest.raises(NotBuilt) as caught:
            build("x", lambda exc=exc: fail(exc))  # type: ignore[misc]
        assert str(caught.value) == said
    assert caplog.text.count("Traceback") == 1
    with pytest.raises(KeyboardInterrupt):
        build("x", lambda: fail(KeyboardInterrupt()))
    assert build("x", lambda: 3) == 3
