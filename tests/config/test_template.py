"""Templates rendered at load."""

import subprocess
import sys

import pytest

from config.template import Templates

CONTEXT = {"data_path": "/data"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("/tmp/klippy_uds", "/tmp/klippy_uds"),
        ("{data_path}/comms/klippy.sock", "/data/comms/klippy.sock"),
        ("{ data_path }/x ", "/data/x"),
        ("{data_path|upper}/x", "/DATA/x"),
        ("{% if true %}\n{data_path}\n{% endif %}", "/data"),
        ("/a{unknown}b", "/ab"),
        ('{% set x = "y" %}{x}', "y"),
        ("{% do [].append(1) %}z", "z"),
        ("a}b", "a}b"),
        # Null stays null where a template names nothing else.
        ("{none|float} {none|int} {none|float|round(1)} {none|abs}", "None None None None"),
        ("{none|float(0)} {none|int(default=7)} {'1.26'|float|round(1)} {(-2)|abs}", "0 7 1.3 2"),
    ],
)
def test_results(text, result):
    assert Templates().render(text, CONTEXT) == result


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{unknown.name}", "'unknown' is undefined"),
        ("{% if %}", "Expected an expression"),
        ("{", "unexpected"),
        ("{1/0}", "division by zero"),
        ('{raise_error("not here")}', "not here"),
        ("{data_path + 1}", "str"),
        ("{data_path.__class__.__mro__}", "unsafe"),
    ],
)
def test_failures_are_value_errors_with_a_reason(text, reason):
    with pytest.raises(ValueError, match=reason):
        Templates().render(text, CONTEXT)


def test_data_path_alone_does_not_cost_jinja():
    code = (
        "import sys; from config.template import Templates;"
        "Templates().render('{data_path}/a', {'data_path': '/x'});"
        "Templates().compile('plain').render();"
        "assert 'jinja2' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
