"""Who a whole daemon lets in: names, proxies, browsers' marks, and the end of a log-in."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.e2e.processes import NOBODY, DaemonProcess, run_daemon, run_demo
from tests.e2e.test_client_libraries import Socket

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with run_demo(tmp_path_factory.mktemp("judgement")) as daemon:
        yield daemon


def ask(
    daemon: DaemonProcess, path: str = "/server/info", verb: str = "GET", **headers: str
) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(verb, daemon.url + path, headers=named, timeout=20)


def test_a_rebound_name_is_told_what_to_configure(demo: DaemonProcess) -> None:
    answer = ask(demo, host="evil.example")
    assert answer.status_code == 403
    assert "allowed_hosts" in answer.json()["error"]["message"]
    for host in ("localhost", "127.0.0.1", "printer.local:80", socket.gethostname()):
        assert ask(demo, host=host).status_code == 200
    page = ask(demo, "/", host="evil.example")
    assert (page.status_code, "allowed_hosts" in page.text) == (200, True)
    told = ask(demo, "/access/info", host="evil.example").json()["result"]
    assert (told["authorized"], told["trusted"]) == (False, True)
    assert "allowed_hosts" in told["reason"]


def test_another_sites_page_cannot_print(demo: DaemonProcess) -> None:
    path, evil = "/printer/gcode/script?script=G90", "http://evil.example"
    for verb in ("GET", "POST"):
        answer = ask(demo, path, verb, origin=evil)
        assert answer.status_code == 403
        assert "cors_domains" in answer.json()["error"]["message"]
    answer = ask(demo, path, sec_fetch_site="cross-site", origin="null")
    assert answer.status_code == 403
    browser = {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    assert ask(demo, path, **browser).status_code == 403  # an image, its page kept back
    assert ask(demo, path, **browser, referer=evil).status_code == 403
    assert ask(demo, path, **browser, referer=demo.url + "/").status_code == 200
    person = {"username": "ann", "password": "x"}
    answer = httpx.post(demo.url + "/access/login", data=person, headers={"origin": evil})
    assert answer.status_code == 403
    assert ask(demo, origin=evil).status_code == 200  # reading: the browser keeps the answer
    assert ask(demo, path, "POST", origin=demo.url).status_code == 200
    assert ask(demo, path, "POST").status_code == 200
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(demo.websocket_url, origin=Origin(evil)),
    ):
        pass
    assert refused.value.response.status_code == 403


def test_a_proxy_on_this_machine_says_whom_it_asks_for(demo: DaemonProcess) -> None:
    assert ask(demo, x_forwarded_for="127.0.0.5").status_code == 200
    for headers in (
        {"x_forwarded_for": "203.0.113.9"},
        {"x_real_ip": "203.0.113.9"},
        {"x_forwarded_for": "127.0.0.1, 203.0.113.9"},
        {"x_forwarded_for": "203.0.113.9", "x_real_ip": "192.168.1.1"},
    ):
        assert ask(demo, **headers).status_code == 401
    told = ask(demo, "/access/info", x_real_ip="203.0.113.9").json()["result"]
    assert told["trusted"] is False
    assert "trusted_clients" in told["reason"]


def test_a_name_is_trusted_when_it_leads_back(tmp_path: Path) -> None:
    try:
        name = socket.gethostbyaddr("127.0.0.1")[0]
    except OSError:
        pytest.skip("this machine has no name for loopback")
    with run_daemon(tmp_path / "named", trusted=name) as daemon:
        assert ask(daemon).status_code == 200
        assert ask(daemon, x_forwarded_for="192.0.2.9").status_code == 401
        with connect(daemon.websocket_url) as connection:
            assert Socket(connection).call("server.info")["websocket_count"] == 1
    with run_daemon(tmp_path / "other", trusted="somebody.example") as daemon:
        assert ask(daemon).status_code == 401


def test_the_end_of_a_log_in(tmp_path: Path) -> None:
    with run_daemon(tmp_path, trusted=NOBODY) as daemon, daemon.connect() as local:
        person = {"username": "ann", "password": "correct horse"}
        token = local.call("access.post_user", **person)["token"]
        with connect(daemon.websocket_url) as first, connect(daemon.websocket_url) as other:
            ann, stranger = Socket(first), Socket(other)
            ann.call("access.login", **person)
            assert ann.call("server.info")["websocket_count"] == 3
            bearer = {"authorization": f"Bearer {token}"}
            assert ask(daemon, **bearer).status_code == 200
            assert ask(daemon, "/access/logout", "POST", **bearer).status_code == 200
            assert ask(daemon, **bearer).status_code == 401
            assert ann.wait_for("notify_user_logged_out") == [{"username": "ann"}]
            for one in (ann, stranger):
                with pytest.raises(AssertionError, match="Unauthorized"):
                    one.call("server.info")
            ann.call("access.login", **person)
            ann.call("server.info")
            assert stranger.notices == []


def test_a_log_out_closes_the_bridge(demo: DaemonProcess) -> None:
    with demo.connect() as local:
        person = {"username": "bob", "password": "correct horse"}
        token = local.call("access.post_user", **person)["token"]
        url = f"ws://127.0.0.1:{demo.port}/klippysocket?access_token={token}"
        with connect(url) as bridge:
            bridge.send('{"id": 1, "method": "info"}')
            assert '"id":1' in str(bridge.recv(timeout=20)).replace(" ", "")
            local.call("access.delete_user", username="bob")
            with pytest.raises(ConnectionClosed) as closed:
                bridge.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "Logged out")
