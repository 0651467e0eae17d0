"""A part that waits for a thread which the kernel does not let go, as on a share whose server died.

No deadline ends such a wait: neither a shutdown nor a restart may depend on it.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from nurseries.root.daemon import SHUTDOWN_S
from tests.e2e.processes import NO_SERVICES, Notices, Process, configure
from tests.e2e.wire import UnixClient

pytestmark = pytest.mark.e2e
ADD_ON = """
import threading
import trio

def read(section, named):
    return None

def build(settings, needs, additions):
    additions.add("hung_part", HungPart())

def never_let_go():
    threading.Event().wait()

class HungPart:
    def endpoints(self):
        return []

    async def serve(self, *, task_status=trio.TASK_STATUS_IGNORED):
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(0.1, shield=True):
                await trio.to_thread.run_sync(never_let_go)
"""
DAEMON = """
import sys
from nurseries.root import daemon

daemon.RESTART_S = 1.0
from mrk.__main__ import main

main()
"""


def install(folder: Path) -> None:
    """As pip leaves a distribution."""
    (folder / "hung_part-1.0.dist-info").mkdir(parents=True)
    (folder / "hung_part.py").write_text(ADD_ON)
    info = folder / "hung_part-1.0.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hung-part\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[mrk.components]\nhung_part = hung_part\n")


@contextlib.contextmanager
def hung_daemon(folder: Path) -> Iterator[Process]:
    """One with such a part, up."""
    install(folder / "site")
    configure(folder, sections=NO_SERVICES + "[hung_part]\n")
    notices = Notices(folder / "notify")
    paths = os.pathsep.join(filter(None, (str(folder / "site"), os.environ.get("PYTHONPATH"))))
    process = Process(
        ["-d", str(folder)],
        folder / "output.log",
        program=("-c", DAEMON),
        NOTIFY_SOCKET=str(notices.path),
        PYTHONPATH=paths,
    )
    try:
        notices.ready_or_ended(process)
        yield process
    finally:
        process.reap()
        notices.close()


def test_a_shutdown_does_not_wait_for_it(tmp_path: Path) -> None:
    with hung_daemon(tmp_path) as process:
        process.send(signal.SIGTERM)
        assert process.wait() == 1
        assert f"Timeout (0:00:0{SHUTDOWN_S:.0f}" in process.said()
        assert "in never_let_go" in process.said()


def test_a_restart_does_not_wait_for_it(tmp_path: Path) -> None:
    """The process ends, with the threads shown: the service manager starts it again."""
    with hung_daemon(tmp_path) as process:
        with UnixClient(tmp_path / "comms" / "moonraker.sock") as client:
            assert client.call("server.restart") == "ok"
        assert process.wait() == 1
        assert "Timeout (0:00:01" in process.said()
        assert "in never_let_go" in process.said()
