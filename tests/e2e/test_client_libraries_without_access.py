"""Whatever our own OpenAPI allows, asked by schemathesis.

Without credentials it is refused, or an open answer; with them it is never a fault of the server.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Set
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.documents import ends
from tests.e2e.processes import NOBODY, ROOT, DaemonProcess, run_daemon
from tests.e2e.wire import PATIENCE_S

pytestmark = pytest.mark.e2e
REFUSED = frozenset({401, 403, 404, 405})
# What anybody may ask, and how these may answer to nonsense.
OPEN = frozenset(
    {"/access/info", "/access/login", "/access/refresh_jwt", "/server/jsonrpc", "/server/redirect"}
)
OPEN_ANSWERS = frozenset({200, 400, 413, 429})
# With every right: done, or refused; but never a fault of the server.
ANSWERED = frozenset(range(200, 505)) - {500}
# What ends the daemon, or would the machine.
ENDING = frozenset(
    {"/server/restart", "/machine/reboot", "/machine/shutdown", "/server/database/restore"}
)
# `server.logs.tail` may wait that long.
LONGEST_WAIT_S = 40.0
SECTIONS = """\
[octoprint_compat]

[power relay]
type: http
on_url: http://127.0.0.1:9/on
off_url: http://127.0.0.1:9/off
status_url: http://127.0.0.1:9/status
response_template: on

[wled strip]
address: 127.0.0.1
port: 9

[timelapse]

[analysis]

[update_manager]
enable_system_updates: False
"""
# Header values that HTTP itself cannot carry are no matter of access.
NO_HTTP = frozenset({400, 431})


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that trusts nobody here."""
    with run_daemon(tmp_path_factory.mktemp("closed"), trusted=NOBODY) as daemon:
        yield daemon


def api(daemon: DaemonProcess) -> dict[str, Any]:
    """The schema, as `mrk api --openapi` prints it."""
    command = [sys.executable, "-m", "mrk", "-d", str(daemon.folder), "api", "--openapi"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    schema: dict[str, Any] = json.loads(printed.stdout)
    return schema


def test_every_operation_refuses_strangers(closed: DaemonProcess) -> None:
    schema = schemathesis.openapi.from_dict(api(closed))
    found: Any = schema.get_all_operations()
    operations = [operation.ok() for operation in found]
    assert len(operations) > 80
    with httpx.Client(base_url=closed.url, timeout=PATIENCE_S) as client:
        for operation in operations:
            ask(client, operation, REFUSED | (OPEN_ANSWERS if operation.path in OPEN else set()))
        assert client.get("/server/info").status_code == 401


def test_no_operation_fails_for_those_who_may(tmp_path: Path) -> None:
    with run_daemon(tmp_path, sections=SECTIONS) as daemon:
        schema = schemathesis.openapi.from_dict(api(daemon))
        found: Any = schema.get_all_operations()
        with httpx.Client(base_url=daemon.url, timeout=LONGEST_WAIT_S) as client:
            for operation in (one.ok() for one in found):
                if operation.path not in ENDING and ends(operation.definition.raw):
                    ask(client, operation, ANSWERED)
            assert client.get("/server/info").json()["result"]["failed_components"] == []
        assert "Traceback" not in daemon.process.said()


def ask(client: httpx.Client, operation: Any, allowed: Set[int]) -> None:
    @settings(
        max_examples=3,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    @given(case=operation.as_strategy())
    def asked(case: Any) -> None:
        request = case.as_transport_kwargs(base_url=str(client.base_url))
        request.pop("cookies", None)
        files, body = request.pop("files", None), request.pop("data", None)
        if files is not None:  # any JSON for a field: requests takes it as schemathesis gives it
            form = requests.Request("POST", request["url"], files=files, data=body).prepare()
            body = form.body
            request["headers"]["Content-Type"] = form.headers["Content-Type"]
        if body is not None:
            request["content"] = body
        answer = client.request(**request)
        assert answer.status_code in allowed, (request, answer.text)

    asked()


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=60))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_token_of_nonsense_opens_anything(closed: DaemonProcess, token: str) -> None:
    with httpx.Client(base_url=closed.url, timeout=PATIENCE_S) as client:
        for headers in ({"Authorization": f"Bearer {token}"}, {"X-Api-Key": token}):
            raw = [(name.encode(), value.strip().encode()) for name, value in headers.items()]
            answer = client.get("/printer/info", headers=raw)
            assert answer.status_code in REFUSED | NO_HTTP, answer.text
        answer = client.get("/server/files/list", params={"token": token, "access_token": token})
        assert answer.status_code in REFUSED, answer.text
