"""The table of commands: each is there, says what the table says, and is imported when called."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import nurseries.command_line
from nurseries.command_line.main import COMMANDS, main
from tests.fakes.without_rights import closed_folder, without_rights

FOLDER = Path(nurseries.command_line.__file__).parent


def test_every_file_with_a_command_is_in_the_table():
    files = {path.stem for path in FOLDER.glob("*.py") if "def command(" in path.read_text()}
    assert files == {module for module, _ in COMMANDS.values()}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name):
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert command.help is not None
    assert command.help.replace("\n", " ").startswith(COMMANDS[name][1].removesuffix("."))


def test_no_such_command():
    assert main.get_command(click.Context(main), "fly") is None


def test_the_list_of_commands_imports_none():
    code = (
        "import sys\n"
        "from nurseries.command_line.main import COMMANDS, main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print('IMPORTED', sorted({'trio', 'sqlite3', 'json'} & set(sys.modules)),"
        " [n for n in sys.modules if n in"
        " {'nurseries.command_line.' + m for m, _ in COMMANDS.values()}])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "IMPORTED [] []" in done.stdout, done.stdout + done.stderr
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_what_the_system_refuses_is_one_line():
    with closed_folder() as closed, without_rights():
        result = CliRunner().invoke(main, ["demo", "--data", str(closed / "demo")])
    told = f"Error: {closed}/demo/config/moonraker.conf: Permission denied\n"
    assert (result.exit_code, result.output) == (1, told)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["user", "list", "-d", "x"], "-d stands before the command: mrk -d ... user list"),
        (["doctor", "--verbose"], "--verbose stands before the command: mrk --verbose doctor"),
        (["doctor", "--nothing"], "No such option '--nothing'."),
        (["--nothing"], "No such option '--nothing'."),
        (["usr", "list"], "there is no command 'usr'. Is user meant?"),
        (["fly"], "there is no command 'fly'."),
        (["-d", "", "user", "list"], "Invalid value for '-d' / '--datapath': the path is empty"),
    ],
)
def test_what_is_mistyped(words, told):
    result = CliRunner().invoke(main, words, prog_name="mrk")
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == f"Error: {told}"
