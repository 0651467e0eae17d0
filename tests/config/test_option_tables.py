"""The tables of docs/configuration.md say which default and which limits an option has."""

import re
from pathlib import Path

import pytest

from config.load import try_file
from config.paths import Paths

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
# What a section needs before an option of it is read.
REQUIRED = {
    "ldap": {"ldap_host": "x", "base_dn": "dc=x"},
    "webcam NAME": {"stream_url": "/webcam"},
    "mqtt": {"address": "broker"},
    "button NAME": {"pin": "gpio3", "on_press": "x"},
    "power NAME": {
        "type": "tasmota",
        "address": "x",
        "off_when_shutdown": "yes",
        "restart_klipper_when_powered": "yes",
    },
    "wled NAME": {"address": "x"},
    "notifier NAME": {"url": "json://x", "events": "*"},
    "sensor NAME": {"type": "mqtt", "state_topic": "x", "state_response_template": "x"},
    "spoolman": {"server": "x"},
    "update_manager NAME": {"type": "git_repo", "path": "~/x", "origin": "https://x/y"},
    "paneldue": {"serial": "/dev/ttyS0"},
    "frontend": {"path": "~/x"},
}
# Read with another type than the one above, or together with another option.
NOT_ALONE = {
    ("power NAME", "timer"),
    ("wled NAME", "baud"),
    ("analysis", "enable_estimator_updates"),
    ("mqtt", "api_qos"),
}
ALWAYS_THERE = {"data_store", "file_manager", "job_queue", "analysis"}
WORDS = {"yes": True, "True": True, "no": False, "False": False}


def rows():
    """Section, option, default and limits of each row."""
    section, head = "", []
    for line in PAGE.read_text().splitlines():
        if line.startswith("#"):
            found = re.fullmatch(r"### \[(.+)\]", line)
            section = found.group(1) if found else ""
        elif section and line.startswith("| "):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))]
            if cells[0] == "Option":
                head = cells
            option = re.match(r"`([a-z0-9_]+)`", cells[0])
            if option and (section, option.group(1)) not in NOT_ALONE:
                row = dict(zip(head, cells, strict=True))
                yield section, option.group(1), row["Default"], row.get("Limits", "")


ROWS = list(rows())
PLAIN = [
    row
    for row in ROWS
    if row[1] not in REQUIRED.get(row[0], {})
    and (row[2] in WORDS or re.fullmatch(r"`[^`<]+`|-?[\d.]+( \w+)?", row[2]))
]
RANGES = [row for row in ROWS if re.match(r"-?[\d.]+ to ", row[3])]


def read(section, options, tmp_path):
    """What is read of a section, and all that is said of it."""
    lines = [f"{name}: {value}" for name, value in (REQUIRED.get(section, {}) | options).items()]
    others = "".join(f"[{name}]\n" for name in ("server", "mqtt") if name != section)
    broker = others.replace("[mqtt]\n", "[mqtt]\naddress: broker\n")
    file = tmp_path / "moonraker.conf"
    file.write_text("\n".join([broker, f"[{section}]", *lines]))
    attempt = try_file(file, Paths.resolve(environ={}, data_path=str(tmp_path)))
    assert attempt.configuration is not None or options
    told = [*map(str, attempt.problems), *(notice.text for notice in attempt.notices)]
    read_as = {} if attempt.configuration is None else attempt.configuration.config
    return read_as.get(section, {}), "\n".join(told)


@pytest.mark.parametrize(("section", "option", "default", "limits"), PLAIN)
def test_defaults(section, option, default, limits, tmp_path):
    options, _ = read(section, {}, tmp_path)
    number = re.fullmatch(r"(-?[\d.]+)( \w+)?", default)
    wanted = float(number.group(1)) if number else WORDS.get(default, default.strip("`"))
    assert options[option] in (wanted, [wanted])


@pytest.mark.parametrize(("section", "option", "default", "limits"), RANGES)
def test_limits(section, option, default, limits, tmp_path):
    low, high = re.match(r"(-?[\d.]+) to (\d+)", limits).groups()
    _, told = read(section, {option: "-77777"}, tmp_path)
    assert f'"-77777" is out of range (expected {low} to {high})' in told
    assert section not in ALWAYS_THERE or f"; {low} is used" in told
