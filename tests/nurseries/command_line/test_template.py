"""`mrk template`, run in the test's own process."""

import io
import json

import pytest

from config.paths import Paths
from nurseries.command_line.template import read_arguments, run

CONFIGURATION = """\
[server]
[sensor bed]
type: mqtt
state_response_template:
  {% set p = payload|fromjson %}
  {% do set_result("temperature", p.t|float) %}
  {p.t} in {data_path}
broken: {% if %}
failing: {x.y}
[mqtt]
password: {secrets.mqtt.password}{secrets.mqtt.more}
[button x]
on_press: {% set a = call_method("printer.info", x=1) %}{a.state}{count + 1}
"""


@pytest.fixture
def paths(tmp_path):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "moonraker.conf").write_text(CONFIGURATION)
    secrets = tmp_path / "moonraker.secrets"
    secrets.write_text(json.dumps({"mqtt": {"password": "hunter2"}}))
    secrets.chmod(0o600)
    return Paths.resolve(environ={}, data_path=tmp_path)


def test_an_option(paths, capsys):
    what = "sensor bed.state_response_template"
    assert run(paths, what, ['payload={"t": 21.5}'], reveal=False) == 0
    out = capsys.readouterr().out
    assert out == f"set_result temperature 21.5\n21.5 in {paths.data}\n"


def test_what_a_sensor_says_stands_there_alone(paths, tmp_path, capsys):
    (tmp_path / "a.txt").write_text('{set_result("power", 3)}\n{send_notification(1)}')
    assert run(paths, str(tmp_path / "a.txt"), [], reveal=False) == 0
    assert capsys.readouterr().out == "set_result power 3\nsend_notification 1\n\n"


def test_calls_are_only_told(paths, capsys):
    assert run(paths, "button x.on_press", ["count:=4"], reveal=False) == 0
    assert capsys.readouterr().out == 'call_method printer.info {"x": 1}\n5\n'


def test_a_secret_is_shown_when_asked_for(paths, capsys):
    assert run(paths, "mqtt.password", [], reveal=False) == 0
    told = capsys.readouterr()
    assert told.out == "<hidden> (7 characters; --reveal shows them)\n"
    assert told.err == "warning: the secrets file has no secrets.mqtt.more\n"
    assert run(paths, "mqtt.password", [], reveal=True) == 0
    assert capsys.readouterr().out == "hunter2\n"


def test_a_file_and_standard_input(paths, tmp_path, capsys, monkeypatch):
    (tmp_path / "a.txt").write_text("{1 + 1}{secrets.mqtt.password|length}")
    assert run(paths, str(tmp_path / "a.txt"), [], reveal=False) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("{name}"))
    assert run(paths, "-", ["name=a=b"], reveal=False) == 0
    assert capsys.readouterr().out == "27\na=b\n"


@pytest.mark.parametrize(
    ("what", "arguments", "reason"),
    [
        ("nothing", [], "no such file, and no SECTION.OPTION"),
        ("sensor x.y", [], 'no section "sensor x"'),
        ("sensor bed.y", [], "there are: type, state_response_template"),
        ("sensor bed.broken", [], "line 1 of the template"),
        ("sensor bed.failing", [], "the template fails: 'x' is undefined"),
        ("sensor bed.type", ["payload"], "neither NAME=TEXT"),
        ("sensor bed.type", ["payload:={"], "is not JSON"),
    ],
)
def test_what_cannot_be_shown(paths, capsys, what, arguments, reason):
    assert run(paths, what, arguments, reveal=False) == 1
    told = capsys.readouterr()
    assert reason in told.err
    assert not told.out


def test_arguments():
    assert read_arguments(["a=1", "b:=1", "c=", "d:=null", "e=x:=y"]) == {
        "a": "1",
        "b": 1,
        "c": "",
        "d": None,
        "e": "x:=y",
    }
