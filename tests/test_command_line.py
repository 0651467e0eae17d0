"""The commands of `mrk` as a shell runs them: what is printed where, and the exit codes."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest
import trio

from mrk.version import VERSION
from nurseries.testing.sockets import SocketDaemon
from tests.e2e.processes import DaemonProcess, configure, run_daemon, run_demo, run_printer, started
from tests.e2e.wire import PATIENCE_S

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
pytestmark = pytest.mark.e2e


def mrk(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("MOONRAKER_")}
    return subprocess.run(
        [sys.executable, "-m", "mrk", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env={**inherited, **environ},
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with run_demo(tmp_path_factory.mktemp("demo")) as daemon:
        yield daemon


def test_version_and_help() -> None:
    assert mrk("--version").stdout == f"mrk, version {VERSION}\n"
    told = mrk("--help")
    assert told.returncode == 0
    for command in ("api", "call", "check-config", "demo", "virtual-printer", "watch"):
        assert re.search(rf"^  {command} ", told.stdout, re.MULTILINE)
        own = mrk(command, "--help")
        assert own.returncode == 0
        assert "Usage:" in own.stdout


def test_an_unknown_command_or_option_says_where_help_is() -> None:
    for words in (["fly"], ["--fly"], ["call"], ["demo", "--port", "0"], ["watch", "--fly"]):
        result = mrk(*words)
        assert result.returncode == 2
        assert result.stdout == ""
        assert "--help" in result.stderr or "Try" in result.stderr


def test_check_config_of_a_good_file(tmp_path: Path) -> None:
    configure(tmp_path)
    assert_good = mrk("-d", tmp_path, "check-config")
    assert (assert_good.returncode, assert_good.stderr) == (0, "")
    by_name = mrk("check-config", tmp_path / "config" / "moonraker.conf")
    assert by_name.returncode == 0


def test_check_config_says_what_is_wrong_one_line_each(tmp_path: Path) -> None:
    file = tmp_path / "bad.conf"
    file.write_text("[server]\nport: abc\nmax_connections: many\n\n[nonsense]\na: 1\n")
    result = mrk("check-config", file)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert any(line.startswith("bad.conf:2: [server] port:") for line in lines)
    assert any(line.startswith("bad.conf:3: [server] max_connections:") for line in lines)
    assert any(line.startswith("warning: ") and "nonsense" in line for line in lines)
    assert "Traceback" not in result.stderr


def test_check_config_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = mrk("check-config", tmp_path / "none.conf")
    assert result.returncode == 1
    assert "none.conf" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


async def test_api_lists_every_method_of_a_running_daemon(mrk_socket_daemon: SocketDaemon) -> None:
    """Klipper's own endpoints differ from printer to printer; they are added when it is seen."""
    folder = mrk_socket_daemon.paths.data
    openrpc = json.loads(await shell("-d", folder, "api", "--openrpc"))
    openapi = json.loads(await shell("-d", folder, "api", "--openapi"))
    running = list(mrk_socket_daemon.daemon.generation.table)
    names = {method["name"] for method in openrpc["methods"]}
    assert len(names) == len(openrpc["methods"])
    assert {"server.info", "machine.proc_stats", "printer.print.start"} <= names
    differ = names ^ {method.rpc for method in running if method.rpc}
    assert not [name for name in differ if not name.startswith("printer.")]
    routes = {m.endpoint.path.replace("...}", "}") for m in running if m.endpoint.http}
    others = mrk_socket_daemon.daemon.generation.door_routes()
    routes |= {route.path.replace("...}", "}") for route in others}
    assert {"/server/files/upload", "/server/jsonrpc"} <= routes
    assert not [path for path in routes ^ set(openapi["paths"]) if not path.startswith("/printer/")]


async def shell(*arguments: object) -> str:
    result = await trio.to_thread.run_sync(mrk, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return str(result.stdout)


@pytest.mark.parametrize("example", [False, True], ids=["what is always there", "every section"])
def test_api_documents_are_whole(tmp_path: Path, example: bool) -> None:
    configure(tmp_path)
    if example:
        text = (EXAMPLES / "moonraker.conf").read_text()
        (tmp_path / "config" / "moonraker.conf").write_text(text)
    files = sorted((tmp_path / "config").iterdir())
    page = mrk("-d", tmp_path, "api", "--markdown").stdout
    assert "### `server.info`" in page
    assert "### `POST /server/files/upload`" in page
    assert ("### `machine.update.status`" in page) is example
    openrpc = json.loads(mrk("-d", tmp_path, "api").stdout)
    assert openrpc["openrpc"].startswith("1.")
    openapi = json.loads(mrk("-d", tmp_path, "api", "--openapi").stdout)
    assert openapi["openapi"].startswith("3.")
    assert sorted((tmp_path / "config").iterdir()) == files  # a command that looks writes nothing
    operations = set()
    for document in (openrpc, openapi):
        assert document["info"]["title"]
        assert document["info"]["version"]
        for reference in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
            assert reference in document["components"]["schemas"]
    for path, verbs in openapi["paths"].items():
        assert path.startswith("/")
        for verb, operation in verbs.items():
            assert verb in ("get", "head", "post", "put", "patch", "delete")
            assert {"101", "200", "201", "302"} & set(operation["responses"])
            operations.add(operation["operationId"])
    assert len(operations) == sum(map(len, openapi["paths"].values()))
    for method in openrpc["methods"]:
        assert method["summary"]
        assert isinstance(method["result"]["schema"], dict)
        arguments = [argument["name"] for argument in method["params"]]
        assert len(arguments) == len(set(arguments))


def test_call_prints_the_result_as_json(demo: DaemonProcess) -> None:
    by_socket = mrk("-d", demo.folder, "call", "server.info")
    assert by_socket.returncode == 0
    assert json.loads(by_socket.stdout)["klippy_state"] == "ready"
    by_url = mrk(
        "call", "printer.objects.query", 'objects={"webhooks":null}', "--url", demo.websocket_url
    )
    assert json.loads(by_url.stdout)["status"]["webhooks"]["state"] == "ready"
    named = mrk("-u", demo.unix_path, "call", "server.gcode_store", "count=1")
    assert "gcode_store" in json.loads(named.stdout)


def test_call_says_what_went_wrong_and_what_to_do(demo: DaemonProcess, tmp_path: Path) -> None:
    for words, told in (
        (["-d", demo.folder, "call", "no.such.method"], "no.such.method"),
        (["-d", demo.folder, "call", "printer.gcode.script"], "script"),
        (["-d", demo.folder, "call", "server.info", "raw"], "key=value"),
        (["-d", tmp_path, "call", "server.info"], "is the daemon running"),
        (["-d", tmp_path, "call", "server.info"], "moonraker.sock: No such file or directory;"),
        (["call", "server.info", "--url", "ws://127.0.0.1:1/websocket"], "is the daemon running"),
        (["call", "server.info", "--url", "ws://127.0.0.1:1/websocket"], "Connection refused"),
        (["call", "server.info", "--url", "http://127.0.0.1"], "ws://"),
        (["call", "server.info", "--url", demo.websocket_url + "/no"], "404"),
        (["call", "server.info", "--url", f"ws://127.0.0.1:{demo.port}/server/info"], "HTTP"),
    ):
        result = mrk(*words)
        assert result.returncode == 1, words
        assert result.stdout == ""
        assert told in result.stderr
        assert len(result.stderr.splitlines()) == 1, result.stderr


def line_with(lines: IO[str], method: str) -> Any:
    """The next notification of that name; others come every second."""
    limit = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit:
        message = json.loads(lines.readline())
        if message["method"] == method:
            return message
    raise TimeoutError(method)


def test_watch_prints_changes_one_json_object_a_line(demo: DaemonProcess) -> None:
    for way in ([], ["--url", demo.websocket_url]):
        words = ["-d", str(demo.folder), "watch", *way, "extruder=target"]
        with subprocess.Popen(
            [sys.executable, "-m", "mrk", *words], stdout=subprocess.PIPE, text=True
        ) as watch:
            try:
                assert watch.stdout is not None
                first = json.loads(watch.stdout.readline())
                assert set(first["params"][0]["status"]["extruder"]) == {"target"}
                with demo.connect() as client:
                    for target in (44, 0):
                        client.call("printer.gcode.script", script=f"M104 S{target}")
                        update = line_with(watch.stdout, "notify_status_update")
                        assert update["params"][0] == {"extruder": {"target": target}}
                watch.send_signal(signal.SIGINT)
                assert watch.wait(PATIENCE_S) == 130
            finally:
                watch.kill()


def test_watch_ends_with_the_daemon(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon:
        words = [sys.executable, "-m", "mrk", "-d", str(tmp_path), "watch", "extruder"]
        with subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as watch:
            try:
                assert watch.stderr is not None
                assert "not subscribed" in watch.stderr.readline()
                daemon.process.end()
                assert watch.wait(PATIENCE_S) == 1
                assert "the daemon closed the socket" in watch.stderr.read()
            finally:
                watch.kill()


def test_virtual_printer_alone(tmp_path: Path) -> None:
    configure(tmp_path)
    with run_printer(tmp_path) as printer:
        assert (tmp_path / "comms" / "klippy.sock").is_socket()
        code, _seconds = printer.end()
    assert code == 0
    assert not (tmp_path / "comms" / "klippy.sock").exists()
    for words, told in (
        (["virtual-printer", tmp_path / "none" / "x.sock"], "No such file"),
        (["virtual-printer", tmp_path / "config" / "moonraker.conf"], "not a socket"),
        (["virtual-printer", tmp_path / "x.sock", "--fault", "huh"], "junk_frames"),
    ):
        result = mrk(*words)
        assert result.returncode == 1
        assert told in result.stderr
        assert "Traceback" not in result.stderr


def test_moonrakers_environment_names_the_data_folder(demo: DaemonProcess) -> None:
    result = mrk("call", "server.info", MOONRAKER_DATA_PATH=str(demo.folder))
    assert json.loads(result.stdout)["klippy_state"] == "ready"


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "moonraker", "-d", "{folder}"],
        ["/home/pi/moonraker/moonraker/moonraker.py", "-d", "{folder}"],
        ["MOONRAKER_ARGS=/home/pi/moonraker/moonraker/moonraker.py -d '{folder}'"],
        ["-m", "moonraker", "MOONRAKER_ARGS=-m moonraker", "MOONRAKER_DATA_PATH={folder}"],
    ],
    ids=["module", "script", "kiauh", "stock"],
)
def test_moonrakers_units_start_the_daemon(tmp_path: Path, words: list[str]) -> None:
    """As an existing unit starts it, arguments and environment file unchanged."""
    port = configure(tmp_path)
    filled = [word.format(folder=tmp_path) for word in words]
    environ = dict(word.split("=", 1) for word in filled if "=" in word)
    arguments = [word for word in filled if "=" not in word]
    with started(arguments, tmp_path, port, **environ) as daemon, daemon.connect() as client:
        assert client.call("server.info")["klippy_connected"] is False
    told = mrk(*arguments, "check-config", **environ)
    assert (told.returncode, told.stderr) == (0, "")


def test_a_broken_environment_file_is_told() -> None:
    result = mrk(MOONRAKER_ARGS="-m moonraker --fly")
    assert result.returncode == 1
    assert "MOONRAKER_ARGS" in result.stderr
    assert "'--fly' is not an option; expected one of --datapath" in result.stderr


def test_template_shows_what_an_option_gives(tmp_path: Path) -> None:
    configure(tmp_path)
    done = mrk("-d", tmp_path, "template", "server.klippy_uds_address")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/comms/klippy.sock\n")
    done = mrk("-d", tmp_path, "template", "server.nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no option" in done.stderr
