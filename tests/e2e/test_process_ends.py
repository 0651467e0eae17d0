"""A whole process with real signals, a real watchdog socket and a console nobody reads."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SIGNALS = """
import signal, time, trio
from nurseries.process.signals import Signals

def say(text):
    print(text, flush=True)

async def main():
    stopped = trio.Event()
    def on_stop(number):
        say(f"stop {number.name}")
        stopped.set()
    listener = Signals(on_stop=on_stop, on_restart=lambda: say("restart"))
    async with trio.open_nursery() as nursery:
        await nursery.start(listener.serve)
        say("listening")
        await stopped.wait()
        %s
        nursery.cancel_scope.cancel()
    %s
    say("ended")

trio.run(main)
"""

WATCHDOG = """
import os, time, trio
from nurseries.process.service_manager import ServiceManager

async def main():
    manager = ServiceManager.from_environment(os.environ, os.getpid())
    async with trio.open_nursery() as nursery:
        await nursery.start(manager.serve)
        manager.ready()
        await trio.sleep(1.5)
        manager.status("hanging")
        time.sleep(1)
        manager.stopping()
        nursery.cancel_scope.cancel()

trio.run(main)
"""

STUCK_CONSOLE = """
import logging, sys
from nurseries.log.daemon_log import LogOptions, open_log

with open_log(LogOptions(None), flush_s=0.2):
    for number in range(3000):
        logging.info("%s", "x" * 1000)
print("left", file=sys.stderr)
"""


@contextmanager
def running(program: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environ},
        cwd=Path(__file__).parents[2],
        bufsize=0,  # `line_of` asks the pipe itself whether there is a line
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 20)
    assert ready, "the process said nothing for 20 s"
    return process.stdout.readline().decode().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_ends_in_order_with_exit_code_0(number: signal.Signals) -> None:
    with running(SIGNALS % ("", "")) as process:
        assert line_of(process) == "listening"
        process.send_signal(signal.SIGHUP)
        assert line_of(process) == "restart"
        process.send_signal(signal.SIGHUP)
        assert line_of(process) == "restart"
        process.send_signal(number)
        assert line_of(process) == f"stop {number.name}"
        assert line_of(process) == "ended"
        assert process.wait(20) == 0


@pytest.mark.parametrize(
    "shutdown",
    [
        ("await trio.sleep(60)", ""),
        ("with trio.CancelScope(shield=True): await trio.sleep(60)", ""),
        ("time.sleep(60)", ""),
        ("", "say('left'); time.sleep(60)"),
    ],
    ids=["slow", "shielded", "hung loop", "after the listener ended"],
)
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_at_once(shutdown: tuple[str, str], second: signal.Signals) -> None:
    with running(SIGNALS % shutdown) as process:
        assert line_of(process) == "listening"
        process.send_signal(signal.SIGTERM)
        assert line_of(process) == "stop SIGTERM"
        if shutdown[1]:
            assert line_of(process) == "left"
        process.send_signal(second)
        assert process.wait(20) == -second


def test_a_hangup_during_shutdown_changes_nothing() -> None:
    """Which lasts until a line is read that is written behind the signal."""
    shutdown = "import sys; await trio.to_thread.run_sync(sys.stdin.readline)"
    with running(SIGNALS % (shutdown, "")) as process:
        assert line_of(process) == "listening"
        process.send_signal(signal.SIGTERM)
        assert line_of(process) == "stop SIGTERM"
        process.send_signal(signal.SIGHUP)
        assert process.stdin is not None
        process.stdin.write(b"\n")
        assert line_of(process) == "ended"
        assert process.wait(20) == 0


def test_the_watchdog_is_fed_while_the_loop_turns_and_not_while_it_hangs(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(20)
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        with running(WATCHDOG, **environ) as process:
            heard = list(iter(lambda: receiver.recv(200).decode(), "STOPPING=1"))
            assert process.wait(20) == 0
    hangs_at = heard.index("STATUS=hanging")
    assert "READY=1" in heard[:hangs_at]
    assert heard[:hangs_at].count("WATCHDOG=1") >= 3
    assert heard[hangs_at + 1 :] == []


def test_a_console_that_nobody_reads_does_not_hold_the_exit() -> None:
    with running(STUCK_CONSOLE) as process:
        assert process.wait(20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b"left\n"
