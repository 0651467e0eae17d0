"""systemd's own check accepts the units, and polkit's language the rules."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mrk.installation.polkit_text import ACTIONS, key_file_text, rules_text
from mrk.installation.unit_file import parse_unit, start_words
from mrk.installation.unit_text import ServiceUnit, command_line, drop_in_text, unit_text

ODD = '/home/pi/my data %h $HOME "it\'s" \\x'


def unit(data: str = "/home/pi/printer_data", program: str = sys.executable) -> ServiceUnit:
    return ServiceUnit(name="mrk", user="root", data=data, command=[program, "-d", data])


@pytest.mark.parametrize("data", ["/home/pi/printer_data", ODD], ids=["usual", "odd"])
def test_systemd_accepts_the_unit(tmp_path, data):
    file = tmp_path / "mrk.service"
    file.write_text(unit_text(unit(data)))
    assert verified(file) == ""


def test_systemd_accepts_the_drop_in(tmp_path):
    file = tmp_path / "moonraker.service"
    file.write_text(
        "[Service]\nType=simple\nRemainAfterExit=yes\nUser=root\nEnvironmentFile=/none\n"
        "ExecStart=/bin/python $MOONRAKER_ARGS\nRestart=always\n"
    )
    folder = tmp_path / "moonraker.service.d"
    folder.mkdir()
    (folder / "zz-mrk.conf").write_text(drop_in_text(unit(ODD)))
    assert verified(file) == ""


def verified(file: Path) -> str:
    program = shutil.which("systemd-analyze")
    assert program is not None, "the Debian package systemd has it"
    done = subprocess.run(
        [program, "verify", "--man=no", "--recursive-errors=no", file],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    told = [line for line in done.stderr.splitlines() if file.parent.name in line or "mrk" in line]
    return "\n".join(told) if told or done.returncode else ""


def test_a_wrong_unit_would_be_found(tmp_path):
    file = tmp_path / "mrk.service"
    file.write_text(unit_text(unit()).replace("WatchdogSec=30", "WatchdogSec=often"))
    assert "often" in verified(file)


def test_words_come_back_as_they_were():
    words = ["/bin/x", ODD, "", "a b", "-d", "/plain/path"]
    read = parse_unit([f"[Service]\nExecStart={command_line(words)}\n"])
    assert [word.replace("%%", "%") for word in start_words(read, {"HOME": "no"})] == words


def test_the_weights_protect_a_print():
    read = parse_unit([unit_text(unit())])
    wanted = {
        "Type": "notify", "WatchdogSec": "30", "CPUWeight": "20", "IOWeight": "20",
        "MemoryHigh": "40%", "OOMScoreAdjust": "500",
    }  # fmt: skip
    assert {name: read.last("Service", name) for name in wanted} == wanted
    assert not read.all("Service", "ProtectSystem")
    assert not read.all("Service", "NoNewPrivileges")
    # ffmpeg, pip and users' commands would inherit it.
    assert not read.all("Service", "Environment")


POLKIT = """
var rules = [];
var polkit = {Result: {YES: "yes"}, addRule: function(rule) { rules.push(rule); }};
%s
var asked = JSON.parse(process.argv[1]);
console.log(JSON.stringify(asked.map(function(one) {
    var answer = rules[0]({id: one[0]}, {user: one[1]});
    return answer === undefined ? "unhandled" : answer;
})));
"""


def test_polkit_runs_the_rule():
    node = shutil.which("node")
    assert node is not None, "the Debian package nodejs has it"
    user = 'p"i'
    asked = [
        *((action, user) for action in ACTIONS),
        ("org.freedesktop.packagekit.system-update", user),
        ("org.freedesktop.systemd1.manage-units", "other"),
        ("org.freedesktop.systemd1.manage-unit-files", user),
        ("org.freedesktop.policykit.exec", user),
        ("x.org.freedesktop.packagekit.system-update", user),
    ]
    done = subprocess.run(
        [node, "-e", POLKIT % rules_text(user), json.dumps(asked)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    answers = json.loads(done.stdout)
    assert answers == ["yes"] * (len(ACTIONS) + 1) + ["unhandled"] * 4


def test_the_key_file_of_an_old_polkit():
    text = key_file_text("pi")
    assert "Identity=unix-user:pi\n" in text
    assert all(action in text for action in ACTIONS)
