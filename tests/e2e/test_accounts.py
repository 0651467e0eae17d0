"""Users, tokens and keys of a whole daemon, and `mrk user`, `mrk key` beside it."""

import contextlib
import http.client
import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import websockets.sync.client

from nurseries.access.directory import DEADLINE_S
from tests.e2e.processes import DaemonProcess, run_daemon
from tests.e2e.wire import PATIENCE_S, RpcFailed, connect_tcp
from tests.fakes.access_house import MOONRAKER_DATABASE
from tests.fakes.ldap_server import ADMIN_PASSWORD, run_slapd
from tests.polling import wait_until
from tests.process_clock import ProcessClock

pytestmark = pytest.mark.e2e
# Nobody is trusted: all requests of these tests come from 127.0.0.1.
NOBODY = "  192.0.2.1"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with run_daemon(tmp_path_factory.mktemp("accounts"), trusted=NOBODY) as daemon:
        assert mrk(daemon, "user", "add", "root", typed="root password").returncode == 0
        yield daemon


def mrk(daemon: DaemonProcess, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("MOONRAKER_")}
    return subprocess.run(
        [sys.executable, "-m", "mrk", "-d", str(daemon.folder), *words],
        input=f"{typed}\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environ,
    )


def ask(
    daemon: DaemonProcess, verb: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """Status, and the result or the error."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=PATIENCE_S)
    data = None if body is None else json.dumps(body)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(verb, path, data, {"Content-Type": "application/json", **names})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, said.get("result", said)


def login(daemon: DaemonProcess, name: str, password: str) -> dict[str, Any]:
    credentials = {"username": name, "password": password}
    status, answer = ask(daemon, "POST", "/access/login", credentials)
    assert status == 200, answer
    return answer


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Websocket:
    """JSON-RPC over a websocket."""

    def __init__(self, connected: websockets.sync.client.ClientConnection) -> None:
        self._socket = connected
        self.notices: list[Any] = []
        self._number = 0

    def call(self, method: str, **params: Any) -> Any:
        self._number += 1
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": self._number}
        self._socket.send(json.dumps(request))
        while True:
            answer = self.receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RpcFailed(answer["error"])
                return answer["result"]

    def receive(self) -> Any:
        message = json.loads(self._socket.recv(PATIENCE_S))
        if "method" in message:
            self.notices.append((message["method"], message.get("params")))
        return message

    def wait_for(self, method: str) -> Any:
        while True:
            for name, params in self.notices:
                if name == method:
                    return params
            self.receive()


@contextlib.contextmanager
def websocket(daemon: DaemonProcess, query: str = "") -> Iterator[Websocket]:
    with websockets.sync.client.connect(daemon.websocket_url + query) as connected:
        yield Websocket(connected)


def test_a_stranger_logs_in_over_http(daemon):
    assert ask(daemon, "GET", "/server/info")[0] == 401
    status, info = ask(daemon, "GET", "/access/info")
    assert (status, info["authorized"], info["trusted"]) == (200, False, False)
    tokens = login(daemon, "root", "root password")
    assert ask(daemon, "GET", "/server/info", **bearer(tokens["token"]))[0] == 200
    assert ask(daemon, "GET", f"/server/info?access_token={tokens['token']}")[0] == 200
    status, who = ask(daemon, "GET", "/access/user", X_Access_Token=tokens["token"])
    assert who["username"] == "root"
    refresh = {"refresh_token": tokens["refresh_token"]}
    status, fresh = ask(daemon, "POST", "/access/refresh_jwt", refresh)
    assert ask(daemon, "GET", "/server/info", **bearer(fresh["token"]))[0] == 200
    status, shot = ask(daemon, "GET", "/access/oneshot_token", **bearer(fresh["token"]))
    assert ask(daemon, "GET", f"/server/info?token={shot}")[0] == 200
    assert ask(daemon, "GET", f"/server/info?token={shot}")[0] == 401
    assert ask(daemon, "GET", "/server/info", **bearer(tokens["refresh_token"]))[0] == 401


def test_refusals_are_the_same_bytes(daemon):
    def refused(name: str, password: str, source: str) -> bytes:
        body = json.dumps({"username": name, "password": password, "source": source})
        request = (
            f"POST /access/login HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"Connection: close\r\n\r\n{body}"
        )
        with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE_S) as connection:
            connection.sendall(request.encode())
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        return b"\r\n".join(x for x in said.split(b"\r\n") if not x.startswith(b"Date:"))

    answers = {
        refused("root", "wrong", "moonraker"),
        refused("nobody", "wrong", "moonraker"),
        refused("_TRUSTED_USER_", "", "moonraker"),
        refused("root", "root password", "ldap"),
    }
    assert len(answers) == 1, answers
    mrk(daemon, "user", "unlock")


def test_a_websocket_is_logged_in_and_shut_out(daemon):
    token = login(daemon, "root", "root password")["token"]
    status, _ = ask(
        daemon, "POST", "/access/user", {"username": "wanda", "password": "pw"}, **bearer(token)
    )
    assert status == 200
    query = f"?access_token={token}"
    with websocket(daemon) as stranger, websocket(daemon, query) as admin:
        with pytest.raises(RpcFailed, match="Unauthorized"):
            stranger.call("server.info")
        stranger.call("access.login", username="wanda", password="pw")
        assert stranger.call("access.get_user")["username"] == "wanda"
        assert stranger.call("server.info")
        assert admin.call("access.delete_user", username="wanda")["action"] == "user_deleted"
        for client in (stranger, admin):
            assert client.wait_for("notify_user_deleted") == [{"username": "wanda"}]
        with pytest.raises(RpcFailed, match="Unauthorized"):
            stranger.call("server.info")
        assert admin.call("server.info")


def test_logout_on_a_socket_ends_all_tokens(daemon):
    tokens = login(daemon, "root", "root password")
    with websocket(daemon, f"?access_token={tokens['token']}") as client:
        assert client.call("access.logout")["action"] == "user_logged_out"
        assert client.wait_for("notify_user_logged_out") == [{"username": "root"}]
    assert ask(daemon, "GET", "/server/info", **bearer(tokens["token"]))[0] == 401
    refresh = {"refresh_token": tokens["refresh_token"]}
    assert ask(daemon, "POST", "/access/refresh_jwt", refresh)[0] == 401


def test_the_unix_socket(daemon):
    with daemon.connect() as client:
        assert client.call("access.get_user")["username"] is None
        client.call("access.login", username="root", password="root password")
        assert client.call("access.get_user")["username"] == "root"
        client.call("access.logout")
        assert client.call("access.get_user")["username"] is None
        with pytest.raises(RpcFailed, match="address"):
            client.call("access.oneshot_token")


def test_the_command_line_beside_a_daemon(daemon):
    added = mrk(daemon, "user", "add", "carl", "--role", "view", typed="carls password")
    assert (added.returncode, added.stderr) == (0, "")
    # Noticed at the log-in itself.
    token = login(daemon, "carl", "carls password")["token"]
    listed = mrk(daemon, "user", "list").stdout
    assert ["carl", "view", "moonraker"] in [line.split()[:3] for line in listed.splitlines()]
    assert ask(daemon, "GET", "/server/info", **bearer(token))[0] == 200
    assert ask(daemon, "GET", "/access/api_key", **bearer(token))[0] == 403
    with websocket(daemon, f"?access_token={token}") as client:
        assert client.call("server.info")
        assert mrk(daemon, "user", "passwd", "carl", typed="another one").returncode == 0
        wait_until(lambda: ask(daemon, "GET", "/server/info", **bearer(token))[0] == 401)
        assert client.wait_for("notify_user_logged_out") == [{"username": "carl"}]
    token = login(daemon, "carl", "another one")["token"]
    assert mrk(daemon, "user", "remove", "carl").returncode == 0
    wait_until(lambda: ask(daemon, "GET", "/server/info", **bearer(token))[0] == 401)


def test_named_keys_of_the_command_line(daemon):
    made = mrk(daemon, "key", "create", "panel", "--role", "operate")
    key = made.stdout.strip()
    assert len(key) == 32
    wait_until(lambda: ask(daemon, "GET", "/server/info", X_Api_Key=key)[0] == 200)
    assert ask(daemon, "GET", "/access/keys/list", X_Api_Key=key)[0] == 403
    assert "panel  operate" in mrk(daemon, "key", "list").stdout
    assert mrk(daemon, "key", "revoke", "panel").returncode == 0
    wait_until(lambda: ask(daemon, "GET", "/server/info", X_Api_Key=key)[0] == 401)


def test_a_typed_password_is_not_echoed(daemon):
    terminal, side = pty.openpty()
    command = [sys.executable, "-m", "mrk", "-d", str(daemon.folder), "user", "passwd", "root"]
    with subprocess.Popen(command, stdin=side, stdout=side, stderr=side, close_fds=True) as process:
        os.close(side)
        said = b""
        for prompt in (b"Password: ", b"confirmation: "):
            while not said.endswith(prompt):
                said += os.read(terminal, 100)
            os.write(terminal, b"root password\n")
        with contextlib.suppress(OSError):  # how a terminal ends
            while data := os.read(terminal, 100):
                said += data
    os.close(terminal)
    assert process.returncode == 0
    assert b"was changed" in said
    assert b"root password" not in said


def test_what_the_command_line_refuses(daemon):
    for words, typed, said in (
        (("user", "add", "root"), "x", "exists already"),
        (("user", "add", "emma"), "", "empty"),
        (("user", "remove", "ghost"), "", "no user"),
        (("user", "passwd", "ghost"), "", "no user"),
        (("user", "add", "root"), "", "exists already"),
        (("user", "role", "root", "view"), "", "admin"),
        (("key", "revoke", "ghost"), "", "no key"),
    ):
        result = mrk(daemon, *words, typed=typed)
        assert (result.returncode, result.stdout) == (1, ""), words
        assert said in result.stderr


def test_a_lock_out_ends_at_the_command_line(tmp_path):
    options = "\nforce_logins: True\nmax_login_attempts: 2\n"
    trusted = "  127.0.0.0/8" + options
    with run_daemon(tmp_path, trusted=trusted) as daemon:
        assert ask(daemon, "GET", "/server/info")[0] == 200
        mrk(daemon, "user", "add", "anna", typed="annas password")
        # The first user ends the trust of addresses.
        wait_until(lambda: ask(daemon, "GET", "/server/info")[0] == 401)
        wrong = {"username": "anna", "password": "wrong"}
        statuses = [ask(daemon, "POST", "/access/login", wrong)[0] for _ in range(3)]
        assert statuses == [400, 400, 401]
        mrk(daemon, "user", "unlock")
        login(daemon, "anna", "annas password")


def test_an_installation_of_moonraker_without_a_daemon(tmp_path):
    old = tmp_path / "old" / "database"
    old.mkdir(parents=True)
    (old / "moonraker-sql.db").write_bytes(MOONRAKER_DATABASE.read_bytes())
    new = tmp_path / "new"
    new.mkdir()
    command = [sys.executable, "-m", "mrk", "-d", str(new)]
    for words in (["import-moonraker", str(tmp_path / "old")], ["user", "list"]):
        result = subprocess.run([*command, *words], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
    assert "olduser  admin  moonraker" in result.stdout
    with run_daemon(new, trusted=NOBODY) as daemon:
        for _ in range(2):  # as imported, and as renewed
            token = login(daemon, "olduser", "old pässword 1")["token"]
            assert ask(daemon, "GET", "/server/info", **bearer(token))[0] == 200


LDAP = """
[ldap]
ldap_host: 127.0.0.1
ldap_port: {port}
base_dn: ou=people,dc=example,dc=com
bind_dn: cn=admin,dc=example,dc=com
bind_password: {password}
group_dn: cn=Printing,ou=groups,dc=example,dc=com
"""


@pytest.mark.filterwarnings("ignore:(tag|type)Map is deprecated:DeprecationWarning")
def test_a_whole_daemon_with_ldap(tmp_path):
    with run_slapd(tmp_path / "slapd", readers="users") as server:
        sections = LDAP.format(port=server.port, password=ADMIN_PASSWORD)
        with run_daemon(tmp_path / "data", trusted=NOBODY, sections=sections) as daemon:
            assert ask(daemon, "GET", "/access/info")[1]["available_sources"] == [
                "moonraker",
                "ldap",
            ]
            credentials = {"username": "Anna", "password": "anna secret", "source": "ldap"}
            status, answer = ask(daemon, "POST", "/access/login", credentials)
            assert (status, answer["username"], answer["source"]) == (200, "anna", "ldap")
            assert ask(daemon, "GET", "/server/info", **bearer(answer["token"]))[0] == 200
            outsider = {"username": "ben", "password": "ben secret", "source": "ldap"}
            assert ask(daemon, "POST", "/access/login", outsider)[0] == 400
            shown = ask(daemon, "GET", "/server/config", **bearer(answer["token"]))[1]
            assert ADMIN_PASSWORD not in json.dumps(shown)


def test_a_silent_ldap_server_holds_nobody_up(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sections = LDAP.format(port=silent.getsockname()[1], password="some password")
        with run_daemon(tmp_path, trusted=NOBODY, sections=sections) as daemon:
            mrk(daemon, "user", "add", "anna", typed="annas password")
            body = b'{"username":"lena","password":"x","source":"ldap"}'
            request = (
                b"POST /access/login HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            )
            with contextlib.ExitStack() as stack:
                for _ in range(3):
                    waiting = stack.enter_context(connect_tcp(daemon.port))
                    waiting.sendall(request % (len(body), body))
                clock = ProcessClock(daemon.process.popen.pid)
                began = clock.now()
                login(daemon, "anna", "annas password")
                assert clock.waited_s(began) < DEADLINE_S / 2
