"""Secrets everywhere in a configuration, everything asked, much of it wrong: nobody says one.

What is said here is also searched at the end of the run, as that of all other tests; here it is
searched at once, so that the failing test is this one.
"""

import contextlib
import http.client
import json
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from nurseries.process.free_ports import free_port
from tests.documents import ends
from tests.e2e.planting import plant_secrets_file
from tests.e2e.processes import ROOT, DaemonProcess, configure, started
from tests.e2e.wire import PATIENCE_S, RpcFailed, UnixClient
from tests.secrets_watch import heard, planted

pytestmark = pytest.mark.e2e

SECTIONS = """
[machine]
provider: none
sudo_password: {sudo}
[mqtt]
address: 127.0.0.1
port: {closed_port}
username: {{secrets.planted.api_key}}
password: {{secrets.planted.password}}
[ldap]
ldap_host: 127.0.0.1
ldap_port: {closed_port}
base_dn: dc={base_dn}
bind_dn: cn={bind_dn}
bind_password: {{secrets.planted.token}}
[power lamp]
type: homeassistant
token: {token}
user: {user}
password: {power}
[notifier phone]
url: tgram://{url}
[server_mistyped]
password: {mistyped}
"""
# These end the daemon's work or the machine's; the rest is asked.
NOT_ASKED = ("machine.reboot", "machine.shutdown", "server.restart")


def secret(name: str, *, may_be_told: bool = False) -> str:
    return planted(f"planted-{name}-{secrets.token_hex(8)}", may_be_told=may_be_told)


class Ears:
    """Everything heard of one daemon."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self.daemon = daemon
        self.replies: list[str] = []

    def call(self, method: str, **params: Any) -> Any:
        """The result, or the error as it came."""
        with self.daemon.connect() as client:
            try:
                result: Any = client.call(method, **params)
            except RpcFailed as failed:
                result = str(failed)
        self.replies.append(f"{method}: {json.dumps(result)}")
        return result

    def get(self, path: str, **headers: str) -> int:
        return self.request("GET", path, None, **headers)

    def request(self, verb: str, path: str, body: Any, **headers: str) -> int:
        with contextlib.closing(
            http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=PATIENCE_S)
        ) as connection:
            given = {name.replace("_", "-"): value for name, value in headers.items()}
            text = None if body is None else json.dumps(body)
            if text is not None:
                given["Content-Type"] = "application/json"
            connection.request(verb, path, text, given)
            answer = connection.getresponse()
            said = f"{answer.getheaders()} {answer.read().decode(errors='replace')}"
        heard(f"reply to {verb} {path.partition('?')[0]}", said)
        self.replies.append(f"{verb} {path}: {said}")
        return answer.status

    def logs(self) -> dict[str, str]:
        files = [self.daemon.process.output, *(self.daemon.folder / "logs").glob("*")]
        return {file.name: file.read_text(errors="replace") for file in files}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    names = ("sudo", "base_dn", "bind_dn", "token", "user", "power", "url", "mistyped")
    return {name: secret(name) for name in names}


@pytest.fixture(scope="module")
def ears(tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]) -> Iterator[Ears]:
    """A daemon that logs everything, with secrets in every section that has any."""
    folder = tmp_path_factory.mktemp("secrets")
    sections = SECTIONS.format(closed_port=free_port(), **texts)
    port = configure(folder, sections=sections)
    arguments = ["-d", str(folder), "--verbose"]
    with started(arguments, folder, port) as daemon:
        yield Ears(daemon)


def everything(ears: Ears) -> dict[str, str]:
    return ears.logs() | {f"reply {number}": text for number, text in enumerate(ears.replies)}


def refuse(found: dict[str, str], texts: list[str]) -> None:
    where = [(place, text[:20]) for place, said in found.items() for text in texts if text in said]
    assert not where


def schema(ears: Ears, kind: str) -> Any:
    command = [sys.executable, "-m", "mrk", "-d", str(ears.daemon.folder), "api", f"--{kind}"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    ears.replies.append(done.stderr)
    return json.loads(done.stdout)


def test_every_method_and_every_page(ears: Ears, texts: dict[str, str]) -> None:
    methods = [method["name"] for method in schema(ears, "openrpc")["methods"]]
    assert len(methods) > 80
    for method in methods:
        if method not in NOT_ASKED:
            ears.call(method)
    for path, verbs in schema(ears, "openapi")["paths"].items():
        if "get" in verbs and "{" not in path and ends(verbs["get"]):
            ears.get(path)
    ears.get("/")
    for path in ("/server/files/moonraker.secrets", "/server/files/config/../moonraker.secrets"):
        assert ears.get(path) in (400, 403, 404, 405), ears.replies[-1]
    group = plant_secrets_file(ears.daemon.folder)
    refuse(everything(ears), [*texts.values(), *group.values()])
    shown = ears.call("server.config")
    assert shown["config"]["mqtt"]["password"] == "{secrets.planted.password}"
    assert shown["orig"]["machine"]["sudo_password"] == "<hidden>"


def test_log_ins(ears: Ears) -> None:
    good, wrong, new = secret("good"), secret("wrong"), secret("new")
    assert ears.call("access.post_user", username="anna", password=good)["username"] == "anna"
    ears.call("access.login", username="anna", password=wrong)
    ears.call("access.login", username="nobody", password=wrong)
    ears.call("access.login", username="anna", password=wrong, source="ldap")
    ears.call("access.login", username=wrong, password="x")
    ears.call("access.user.password", password=wrong, new_password=new)
    ears.call("machine.sudo.password", password=wrong)
    ears.request("POST", "/access/login", {"username": "anna", "password": wrong})
    ears.get(f"/server/info?token={wrong}&access_token={wrong}")
    ears.get("/server/info", Authorization=f"Bearer {wrong}", X_Api_Key=wrong)
    refuse(ears.logs(), [good, wrong, new])
    with ears.daemon.connect() as client:
        tokens = login(client, good)
        ears.get("/server/info", Authorization=f"Bearer {tokens[0]}")
        ears.get(f"/server/info?access_token={tokens[0]}")
        ears.call("access.refresh_jwt", refresh_token=tokens[1])
    ears.get("/access/oneshot_token")
    oneshot = planted(ears.replies[-1].partition('"result":"')[2][:32], may_be_told=True)
    ears.get(f"/server/info?token={oneshot}")
    key = planted(ears.call("access.get_api_key"), may_be_told=True)
    ears.get("/server/info", X_Api_Key=key)
    refuse(ears.logs(), [*tokens, oneshot, key])


def login(client: UnixClient, password: str) -> list[str]:
    answer = client.call("access.login", username="anna", password=password)
    return [planted(answer[name], may_be_told=True) for name in ("token", "refresh_token")]


def test_mistakes_beside_secrets(ears: Ears, texts: dict[str, str]) -> None:
    """A configuration that breaks at a restart: what is said of it holds none of its secrets."""
    main = ears.daemon.folder / "config" / "moonraker.conf"
    group = plant_secrets_file(ears.daemon.folder)
    good = main.read_text()
    lost = secret("lost")
    for mistake in (
        f"[mqtt2]\npassword {lost}\n",
        f"[mqtt2]\npassword: {lost}\npassword: {lost}\n",
        "[sensor x]\nsensor_store_size: many\ntype: mqtt\nstate_topic: a\n"
        "state_response_template: {% if %}{secrets.planted.token}\n",
        "[webcam x]\nstream_url: /a\nenabled: {secrets.planted.password}\n",
        f"[notifier b]\nurl: http://x/{lost}\nevents: {{raise_error(secrets.planted.token)}}\n",
    ):
        main.write_text(good + mistake)
        restart(ears)
    main.write_text(good.replace(texts["sudo"], f"{{{lost}"))
    restart(ears)
    (ears.daemon.folder / "moonraker.secrets").write_text(f'{{"planted": {lost}')
    main.write_text(good)
    restart(ears)
    refuse(everything(ears), [lost, *texts.values(), *group.values()])


def restart(ears: Ears) -> None:
    before = ears.call("server.nurseries")["generation"]
    ears.call("server.restart")
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(ears.daemon.connect())
        while True:
            try:
                if client.call("server.nurseries")["generation"] > before:
                    break
            except OSError:
                client = stack.enter_context(ears.daemon.connect())
    ears.call("server.info")
    ears.call("server.config")
    command = [sys.executable, "-m", "mrk", "-d", str(ears.daemon.folder), "check-config"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    ears.replies.append(done.stdout + done.stderr)


def test_the_end(ears: Ears, texts: dict[str, str]) -> None:
    """The last lines, and what the database kept."""
    assert ears.daemon.process.end()[0] == 0
    refuse(ears.logs(), list(texts.values()))
    folder = ears.daemon.folder / "database"
    with contextlib.closing(sqlite3.connect(folder / "mrk.db")) as database:
        dump = "\n".join(database.iterdump())
    refuse({"database": dump}, list(texts.values()))
