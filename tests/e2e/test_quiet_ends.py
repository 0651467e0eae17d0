"""Ctrl-C, a reader that is gone and a full pipe, in commands of processes of their own."""

import array
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import DaemonProcess
from tests.e2e.wire import PATIENCE_S
from tests.polling import wait_until

pytestmark = pytest.mark.e2e
INTERRUPTED, UNREAD = 130, 141
PIPE_BYTES = 65536


@contextlib.contextmanager
def command(*words: str, **streams: int) -> Iterator[subprocess.Popen[bytes]]:
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **streams}
    arguments = [sys.executable, "-m", "mrk", *words]
    # A session of its own: nothing is asked on the terminal that the tests run in.
    process = subprocess.Popen(  # type: ignore[call-overload]
        arguments, stderr=subprocess.PIPE, start_new_session=True, **streams
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE_S)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def ending(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    """Exit code and all that was said on standard error, but for click's empty line."""
    assert process.stderr is not None
    code = process.wait(PATIENCE_S)
    return code, process.stderr.read().strip()


def wait_prompt(process: subprocess.Popen[bytes]) -> None:
    """Return when a password is asked for; what was typed before is dropped by the terminal."""
    assert process.stderr is not None
    assert b"Password" in os.read(process.stderr.fileno(), 1000)
    wait_asleep(process)


def wait_full(reader: int) -> None:
    """Return when nothing more fits into a pipe."""
    waiting = array.array("i", [0])
    limit = time.monotonic() + PATIENCE_S
    while waiting[0] < PIPE_BYTES:
        assert time.monotonic() < limit, waiting
        time.sleep(0.01)
        fcntl.ioctl(reader, termios.FIONREAD, waiting)


def wait_asleep(process: subprocess.Popen[bytes]) -> None:
    """Return when a process waits: between two reads the signal would be seen after the next."""
    limit = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2][0] != "S":
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_watch_into_head(demo: DaemonProcess) -> None:
    words = ("-d", str(demo.folder), "watch", "extruder=temperature")
    with command(*words) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b'{"method":')
        process.stdout.close()
        assert ending(process) == (UNREAD, b"")


@pytest.mark.parametrize("words", [["api"], ["api", "--openapi"], ["--help"], ["user", "--help"]])
def test_nobody_reads(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with command(*words, stdout=writer) as process:
        os.close(writer)
        assert ending(process) == (UNREAD, b"")


def test_no_room_behind_standard_output() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    with command("api", stdout=full) as process:
        os.close(full)
        code, said = ending(process)
    assert code == 1
    assert said == (b"mrk: standard output cannot be written: [Errno 28] No space left on device")


def test_a_full_pipe_that_does_not_block_loses_nothing() -> None:
    with command("api") as process:
        whole = process.communicate(timeout=PATIENCE_S)[0]
    assert len(whole) > PIPE_BYTES
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with command("api", stdout=writer) as process, open(reader, "rb") as read:
        os.close(writer)
        wait_full(reader)
        assert read.read() == whole
        assert ending(process) == (0, b"")


def test_ctrl_c_at_a_full_pipe() -> None:
    reader, writer = os.pipe()
    with command("api", stdout=writer) as process:
        os.close(writer)
        wait_full(reader)
        process.send_signal(signal.SIGINT)
        assert ending(process) == (INTERRUPTED, b"")
    os.close(reader)


@pytest.mark.parametrize(
    "words", [["watch", "extruder"], ["call", "printer.gcode.script", "script=G4 P60000"]]
)
@pytest.mark.parametrize("transport", ["unix", "websocket"])
def test_ctrl_c_while_connected(demo: DaemonProcess, words: list[str], transport: str) -> None:
    if transport == "websocket":
        words = [*words, "--url", demo.websocket_url]
    with demo.connect() as client:

        def connected() -> set[int]:
            listed = client.call("server.connection.list")["connections"]
            return {one["connection_id"] for one in listed}

        before = connected()  # with those of earlier tests whose end was not seen yet
        with command("-d", str(demo.folder), *words) as process:
            wait_until(lambda: connected() - before)
            process.send_signal(signal.SIGINT)
            assert ending(process) == (INTERRUPTED, b"")


def test_ctrl_c_while_input_is_awaited(tmp_path: Path) -> None:
    with command("-d", str(tmp_path), "template", "-", stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        os.write(process.stdin.fileno(), b"{" * PIPE_BYTES)
        os.write(process.stdin.fileno(), b"{")  # fits once the command reads
        wait_asleep(process)
        process.send_signal(signal.SIGINT)
        assert ending(process) == (INTERRUPTED, b"")


def test_ctrl_c_ends_a_printer_well(tmp_path: Path) -> None:
    with command("virtual-printer", str(tmp_path / "socket")) as process:
        assert process.stdout is not None
        assert b"virtual printer on" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert ending(process) == (0, b"")


def test_ctrl_c_at_a_prompt(tmp_path: Path) -> None:
    """A terminal turns the key into the signal."""
    ours, theirs = os.openpty()
    with command("-d", str(tmp_path), "user", "add", "x", stdin=theirs) as process:
        os.close(theirs)
        wait_prompt(process)
        process.send_signal(signal.SIGINT)
        code, said = ending(process)
    os.close(ours)
    assert code == INTERRUPTED
    assert b"Traceback" not in said


def test_the_input_ends_at_a_prompt(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with command("-d", str(tmp_path), "user", "add", "x", stdin=theirs) as process:
        os.close(theirs)
        wait_prompt(process)
        os.write(ours, b"\x04")
        code, said = ending(process)
    os.close(ours)
    assert code == 1
    assert b"Traceback" not in said


@pytest.mark.parametrize(
    ("closed", "words"),
    [("<&-", "template -"), ("2>&-", "probe"), ("<&- >&- 2>&-", "probe")],
)
def test_standard_files_that_are_closed(tmp_path: Path, closed: str, words: str) -> None:
    """A database would get the number of standard error, and what libraries write there."""
    (tmp_path / "config").mkdir()
    shell = ["sh", "-c", f'exec "$@" {words} {closed}', "sh", sys.executable, "-m", "mrk"]
    done = subprocess.run(
        [*shell, "-d", str(tmp_path)], capture_output=True, timeout=PATIENCE_S * 3, check=False
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
