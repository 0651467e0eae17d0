"""How the process ends: in time, with the right exit code, and whatever clients do meanwhile."""

import contextlib
import json
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.e2e.processes import (
    NO_SERVICES,
    DaemonProcess,
    Process,
    configure,
    run_daemon,
    run_demo,
    run_printer,
    started,
)
from tests.e2e.wire import (
    UnixClient,
    client_frame,
    connect_tcp,
    open_websocket,
    receive_all,
)

pytestmark = pytest.mark.e2e
IN_TIME_S = 2.0
GET_MUCH = b"GET /printer/objects/query?configfile HTTP/1.1\r\nHost: x\r\n\r\n"


def ends_in_time(daemon: DaemonProcess) -> None:
    code, seconds = daemon.process.end()
    assert code == 0, daemon.process.said()
    assert seconds < IN_TIME_S
    assert "Traceback" not in daemon.process.said()
    assert not daemon.unix_path.exists()


def never_reads(daemon: DaemonProcess) -> socket.socket:
    """A websocket that asked for several megabytes and does not take them."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(0.5)
    sock.connect(("127.0.0.1", daemon.port))
    sock.sendall(
        b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    call = {"jsonrpc": "2.0", "method": "printer.objects.query", "id": 1}
    call["params"] = {"objects": {"configfile": None}}
    frame = client_frame(json.dumps(call).encode())
    # Until the daemon no longer works for this client, or has read it all.
    with contextlib.suppress(TimeoutError):
        for _ in range(300):
            sock.sendall(frame)
    return sock


def stalled_download(daemon: DaemonProcess) -> socket.socket:
    """A keep-alive HTTP client that asks and asks and reads nothing."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(0.5)
    sock.connect(("127.0.0.1", daemon.port))
    with contextlib.suppress(TimeoutError):
        for _ in range(3000):
            sock.sendall(GET_MUCH)
    return sock


def test_50_clients_of_which_one_is_stalled(tmp_path: Path) -> None:
    with run_demo(tmp_path) as daemon, contextlib.ExitStack() as stack:
        stalled = stack.enter_context(never_reads(daemon))
        readers = [stack.enter_context(open_websocket(daemon.port)) for _ in range(49)]
        with daemon.connect() as unix:
            assert unix.call("server.info")["websocket_count"] == 51
        ends_in_time(daemon)
        for sock in readers:
            # 1001 and its reason, behind whatever was said before.
            assert b"\x03\xe9Server Shutdown" in receive_all(sock)
        stalled.settimeout(5)
        receive_all(stalled)


def test_a_stalled_http_response(tmp_path: Path) -> None:
    with run_demo(tmp_path) as daemon, stalled_download(daemon), stalled_download(daemon):
        ends_in_time(daemon)


def test_a_stalled_page_of_the_web_app(tmp_path: Path) -> None:
    with run_demo(tmp_path) as daemon, connect_tcp(daemon.port) as sock:
        sock.settimeout(0.5)
        with contextlib.suppress(TimeoutError):
            for _ in range(5000):
                sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        ends_in_time(daemon)


def test_a_pending_gcode_script(tmp_path: Path) -> None:
    with run_demo(tmp_path) as daemon:
        script = {"jsonrpc": "2.0", "method": "printer.gcode.script", "id": 1}
        script["params"] = {"script": "G4 P100000"}
        with (
            open_websocket(daemon.port) as web,
            connect_tcp(daemon.port) as http,
            daemon.connect() as unix,
        ):
            web.sendall(client_frame(json.dumps(script).encode()))
            http.sendall(
                b"POST /printer/gcode/script?script=G4%20P100000 HTTP/1.1\r\nHost: x\r\n\r\n"
            )
            unix.ask("printer.gcode.script", script="G4 P100000")
            assert unix.call("server.info")["klippy_state"] == "ready"
            ends_in_time(daemon)
            answer = receive_all(http)
            assert answer.startswith(b"HTTP/1.1 503")
            assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == 503


@pytest.mark.parametrize("delay_s", [0.0, 0.05, 0.1, 0.12])
def test_during_a_restart(tmp_path: Path, delay_s: float) -> None:
    with run_daemon(tmp_path) as daemon, run_printer(tmp_path):
        daemon.wait_klippy()
        daemon.process.send(signal.SIGHUP)
        time.sleep(delay_s)  # the moment is the parameter
        ends_in_time(daemon)


def test_clients_that_vanish_with_the_daemon(tmp_path: Path) -> None:
    with run_demo(tmp_path) as daemon:
        clients = [open_websocket(daemon.port) for _ in range(20)]
        clients += [connect_tcp(daemon.port) for _ in range(20)]
        daemon.process.send(signal.SIGTERM)
        for sock in clients:
            sock.close()
        assert daemon.process.wait() == 0
        assert "Traceback" not in daemon.process.said()


def test_a_second_sigterm_ends_at_once(tmp_path: Path) -> None:
    with run_demo(tmp_path) as daemon, never_reads(daemon):
        daemon.process.send(signal.SIGTERM)
        daemon.notices.until("STOPPING=1")
        daemon.process.send(signal.SIGTERM)
        # The kernel's doing, unless the first was quicker.
        assert daemon.process.wait() in (-signal.SIGTERM, 0)


def test_sigint_is_an_end_like_sigterm(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon:
        daemon.process.send(signal.SIGINT)
        assert daemon.process.wait() == 0


def test_sighup_begins_a_new_generation(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon:
        for number in (2, 3):
            daemon.process.send(signal.SIGHUP)
            daemon.notices.until("READY=1")
            with daemon.connect() as unix:
                assert unix.call("server.nurseries")["generation"] == number
        ends_in_time(daemon)


def test_a_start_after_kill_9_replaces_the_stale_socket(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon:
        daemon.process.send(signal.SIGKILL)
        daemon.process.wait()
        assert daemon.unix_path.exists()
    with run_daemon(tmp_path) as daemon, daemon.connect() as unix:
        assert unix.call("server.info")["klippy_connected"] is False
        ends_in_time(daemon)


def test_a_second_daemon_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, daemon.connect() as unix:
        code, line = refused(tmp_path, daemon.port)
        assert code == 1
        assert f"Port {daemon.port} is in use" in line
        configure(tmp_path)
        code, line = refused(tmp_path, 0)
        assert code == 1
        assert "answers at" in line
        assert unix.call("server.info")["klippy_connected"] is False


def refused(folder: Path, port: int) -> tuple[int, str]:
    """Exit code and output of a start that must fail."""
    process = Process(["-d", str(folder)], folder / "refused.log")
    try:
        return process.wait(), process.said()
    finally:
        process.reap()


def test_a_broken_configuration_without_backup(tmp_path: Path) -> None:
    configure(tmp_path, "max_connections: many")
    code, said = refused(tmp_path, 0)
    assert code == 1
    assert "moonraker.conf" in said
    assert "max_connections" in said
    assert "Traceback" not in said


def test_a_broken_configuration_with_a_backup_starts_with_a_warning(tmp_path: Path) -> None:
    with run_daemon(tmp_path, sections=NO_SERVICES) as daemon:
        ends_in_time(daemon)
    file = tmp_path / "config" / "moonraker.conf"
    file.write_text(file.read_text() + "[broken\n")
    with started(["-d", str(tmp_path)], tmp_path, daemon.port) as again:
        with again.connect() as unix:
            (warning,) = unix.call("server.info")["warnings"]
        assert "backup" in warning
        assert "moonraker.conf" in warning


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    process = Process(["-d", str(tmp_path / "file" / "data")], tmp_path / "refused.log")
    assert process.wait() == 1
    assert str(tmp_path / "file" / "data") in process.said()
    assert "Traceback" not in process.said()


def test_the_service_manager_hears_ready_watchdog_and_stopping(tmp_path: Path) -> None:
    with run_daemon(tmp_path, WATCHDOG_USEC="200000") as daemon:
        assert daemon.notices.until("WATCHDOG=1") is not None
        daemon.notices.until("WATCHDOG=1")
        daemon.process.send(signal.SIGHUP)
        reloading = daemon.notices.until("READY=1")
        assert any(notice.startswith("RELOADING=1\nMONOTONIC_USEC=") for notice in reloading)
        daemon.process.send(signal.SIGTERM)
        daemon.notices.until("STOPPING=1")
        assert daemon.process.wait() == 0


def test_clients_of_the_unix_socket_get_what_was_said_before(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon:
        client = UnixClient(daemon.unix_path)
        with client:
            number = client.ask("server.info")
            # Asked and ended in one moment: an answer, or a closed connection, not silence.
            daemon.process.send(signal.SIGTERM)
            with contextlib.suppress(ConnectionError):
                assert client.answer(number)["klippy_connected"] is False
        assert daemon.process.wait() == 0
