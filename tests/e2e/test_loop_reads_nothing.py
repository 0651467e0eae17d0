"""The event loop's thread loads no code, and opens, lists and changes no file, while it answers.

A disk may take a minute for any of it, and the printer has to be stopped meanwhile. The interpreter
tells what its main thread asks the disk for, by an audit hook.
"""

import contextlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.processes import DaemonProcess, run_daemon
from tests.e2e.wire import RpcFailed, client_frame, open_websocket

pytestmark = pytest.mark.e2e
WATCH = """
import _thread, os, sys, traceback
MAIN, OUT = _thread.get_ident(), os.open(os.environ["DISK_WATCH"], os.O_WRONLY | os.O_APPEND)
CODE = ("import", "marshal.loads")
FILES = ("open", "os.listdir", "os.scandir", "os.mkdir", "os.remove", "os.rename", "os.rmdir",
         "os.link", "os.truncate", "os.chmod", "os.utime", "fcntl.flock")

def hook(event, arguments):
    if _thread.get_ident() != MAIN or (event == "open" and isinstance(arguments[0], int)):
        return
    what = str(arguments[0])[:200] if arguments else ""
    if event in CODE or (event in FILES and not what.startswith(("/proc", "/sys", "/dev"))):
        frames = traceback.StackSummary.extract(
            traceback.walk_stack(sys._getframe()), limit=12, lookup_lines=False
        )
        where = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in frames)
        what = what if event != "marshal.loads" else ""
        os.write(OUT, f"{os.getpid()} {event} {what} {where}\\n".encode())

sys.addaudithook(hook)
"""
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="root"\r\n\r\n%s\r\n'
    b'--B\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\nG28\n\r\n--B--\r\n'
)


def upload(daemon: DaemonProcess, root: bytes, name: bytes) -> None:
    head = {"Content-Type": "multipart/form-data; boundary=B"}
    request = urllib.request.Request(
        f"{daemon.url}/server/files/upload", FORM % (root, name), head, method="POST"
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201


def fetch(daemon: DaemonProcess, path: str, **headers: str) -> None:
    request = urllib.request.Request(daemon.url + path, headers=headers)
    with urllib.request.urlopen(request) as answer:
        assert answer.read()


def use(daemon: DaemonProcess) -> str:
    """Ask for nearly everything, as clients do; returns a token."""
    with daemon.connect() as client:
        call = client.call
        created: dict[str, str] = call("access.post_user", username="ada", password="analytical")
        call("access.login", username="ada", password="analytical")
        call("access.refresh_jwt", refresh_token=created["refresh_token"])
        upload(daemon, b"gcodes", b"part.gcode")
        upload(daemon, b"config", b"part.cfg")
        fetch(daemon, "/server/files/gcodes/part.gcode")
        fetch(daemon, "/server/info", Authorization=f"Bearer {created['token']}")
        fetch(daemon, "/metrics")
        call("server.files.metadata", filename="part.gcode")
        call("server.files.metascan", filename="part.gcode")
        call("server.files.copy", source="gcodes/part.gcode", dest="gcodes/copy.gcode")
        call("server.files.move", source="gcodes/copy.gcode", dest="gcodes/moved.gcode")
        call("server.files.post_directory", path="gcodes/folder")
        call("server.files.zip", items=["gcodes/moved.gcode"], dest="gcodes/all.zip")
        call("server.files.delete_file", path="gcodes/moved.gcode")
        call("server.files.delete_directory", path="gcodes/folder")
        for method in (
            *("server.files.list", "server.files.get_directory", "server.files.roots"),
            *("server.config", "server.config.check", "server.database.post_backup"),
            *("server.history.list", "server.job_queue.status", "server.logs.rollover"),
            *("server.webcams.list", "machine.system_info", "machine.peripherals.usb"),
            *("server.analysis.status", "server.announcements.list", "access.get_api_key"),
        ):
            call(method)
        call("server.database.post_item", namespace="lab", key="a", value=1)
    return created["token"]


# Optional parts of which clients may ask something without a device, a server or a printer.
SECTIONS = """
[octoprint_compat]
[webcam_proxy]
[timelapse]
[mmu_server]
[td1]
[update_manager]
enable_auto_refresh: False
[spoolman]
server: http://127.0.0.1:9
[power plug]
type: tplink_smartplug
address: 127.0.0.1
[wled strip]
type: http
address: 127.0.0.1
"""
# They would end the daemon or the machine, or ask the network for releases.
NOT_ASKED = (
    *("machine.shutdown", "machine.reboot", "machine.services.", "machine.update."),
    *("machine.sudo.", "server.restart", "server.self_update.", "server.backup."),
)
EXAMPLES: dict[str, Any] = {"integer": 1, "number": 1.0, "boolean": True, "object": {}, "array": []}


def ask_for_everything(daemon: DaemonProcess) -> int:
    """Call each method with arguments of the right types, and values that seldom are any."""
    asked = 0
    with daemon.connect() as client:
        for method in client.call("rpc.discover")["methods"]:
            name = method["name"]
            needed = [param for param in method["params"] if param.get("required")]
            if name.startswith(NOT_ASKED) or any(param["name"] == "method" for param in needed):
                continue
            arguments = {
                param["name"]: EXAMPLES.get(param["schema"].get("type"), "gcodes/part.gcode")
                for param in needed
            }
            asked += 1
            with contextlib.suppress(RpcFailed):
                client.call(name, **arguments)
    return asked


def send_form(daemon: DaemonProcess) -> None:
    """To an endpoint that is no upload."""
    head = {"Content-Type": "multipart/form-data; boundary=B"}
    form = FORM % (b"gcodes", b"part.gcode")
    request = urllib.request.Request(f"{daemon.url}/printer/gcode/script", form, head)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.status == 400
    refused.value.close()


def send_fragments(daemon: DaemonProcess) -> None:
    """One call over a websocket, in two frames."""
    with open_websocket(daemon.port) as client:
        client.sendall(client_frame(b'{"jsonrpc": "2.0", "method": "server', fin=False))
        client.sendall(client_frame(b'.info", "id": 77}', opcode=0))
        said = b""
        while b'"id":77' not in said:
            piece = client.recv(65536)
            assert piece, said
            said += piece


def identify(daemon: DaemonProcess, token: str) -> None:
    named = {"client_name": "a", "version": "1", "type": "web", "url": "x"}
    with daemon.connect() as client:
        assert client.call("server.connection.identify", **named, access_token=token)
        assert client.call("access.get_user")["username"] == "ada"


class Watch:
    """What the event loops of daemons asked the disk for."""

    def __init__(self, folder: Path) -> None:
        self._log, code = folder / "watch.log", folder / "code"
        self._log.touch()
        code.mkdir()
        (code / "sitecustomize.py").write_text(WATCH)
        paths = os.pathsep.join(filter(None, (str(code), os.environ.get("PYTHONPATH"))))
        self.environ = {"PYTHONPATH": paths, "DISK_WATCH": str(self._log)}

    def begin(self, daemon: DaemonProcess) -> int:
        """From here on, behind the start; returns how much that read."""
        with daemon.connect() as client:
            client.call("server.info")
        return self._log.stat().st_size

    def asked(self, daemon: DaemonProcess, begin: int) -> list[str]:
        with self._log.open() as lines:
            lines.seek(begin)
            # Scans and pages have processes of their own, which are watched as well.
            return [line for line in lines if line.startswith(f"{daemon.process.popen.pid} ")]


def test_the_loop_asks_the_disk_for_nothing(tmp_path: Path) -> None:
    watch = Watch(tmp_path)
    with run_daemon(tmp_path / "data", sections=SECTIONS, **watch.environ) as daemon:
        begin = watch.begin(daemon)
        token = use(daemon)
        send_form(daemon)
        send_fragments(daemon)
        assert ask_for_everything(daemon) > 100
        asked = watch.asked(daemon, begin)
    assert begin  # the watch works: a start reads much
    assert not asked
    # What reads tokens is loaded with the first one, which a front end sends behind a start.
    firsts: tuple[Callable[[DaemonProcess], None], ...] = (
        lambda daemon: fetch(daemon, "/server/info", Authorization=f"Bearer {token}"),
        lambda daemon: identify(daemon, token),
    )
    for send_first in firsts:
        with run_daemon(tmp_path / "data", **watch.environ) as daemon:
            begin = watch.begin(daemon)
            send_first(daemon)
            assert not watch.asked(daemon, begin)
