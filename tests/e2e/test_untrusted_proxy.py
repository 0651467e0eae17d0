"""A proxy that is trusted as a client, but not as a proxy, lends its trust to nobody."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.processes import DaemonProcess, run_daemon
from tests.e2e.test_client_libraries import Socket

pytestmark = pytest.mark.e2e

# Loopback plays the proxy in the local network: trusted as a client alone.
PROXIES = "trusted_proxies: 10.0.0.7\nallowed_hosts: printer.example.com"
PASSED_ON = [
    {"X-Forwarded-For": "203.0.113.9"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": ""},
    {"X-Real-IP": "203.0.113.9"},
    {"Forwarded": "for=203.0.113.9"},
    {"Via": "1.1 gate"},
]
HOST = {"Host": "printer.example.com"}
CALL = {"jsonrpc": "2.0", "method": "server.info", "id": 1}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with run_daemon(tmp_path_factory.mktemp("proxy"), sections=PROXIES) as daemon:
        yield daemon


def names_the_proxy(text: str) -> bool:
    return "trusted_proxies" in text and "127.0.0.1" in text


@pytest.mark.parametrize("headers", PASSED_ON, ids=str)
def test_over_http(daemon: DaemonProcess, headers: dict[str, str]) -> None:
    sample = "/server/files/gcodes/calibration_cube.gcode"
    with httpx.Client(base_url=daemon.url, headers={**HOST, **headers}, timeout=20) as client:
        for answer in (
            client.get("/server/info"),
            client.post("/printer/gcode/script", params={"script": "G28"}),
            client.post("/server/restart"),
            client.get(sample),
            client.get("/server/files/moonraker.log"),
            client.post("/server/files/upload", files={"file": ("a.gcode", b"G28")}),
            client.delete(sample),
            client.get("/nothing"),
        ):
            assert answer.status_code == 401, answer.request.url
            assert names_the_proxy(answer.json()["error"]["message"])
        error = client.post("/server/jsonrpc", json=CALL).json()["error"]
        assert error["code"] == -32602
        page = client.get("/")
        assert page.status_code == 200
        assert 'data-authorized="false"' in page.text
        assert names_the_proxy(page.text)
        told = client.get("/access/info").json()["result"]
        assert (told["authorized"], told["trusted"]) == (False, False)
        assert names_the_proxy(told["reason"])
    with daemon.connect() as local:
        root = local.call("server.files.list", root="gcodes")
        assert [entry["path"] for entry in root] == ["calibration_cube.gcode"]


@pytest.mark.parametrize("headers", PASSED_ON, ids=str)
def test_over_websockets(daemon: DaemonProcess, headers: dict[str, str]) -> None:
    with connect(daemon.websocket_url, additional_headers=headers) as connection:
        connection.send(json.dumps(CALL))
        error = json.loads(connection.recv(timeout=20))["error"]
        assert (error["code"], error["message"]) == (-32602, "Unauthorized")
        assert names_the_proxy(Socket(connection).call("access.info")["reason"])
    bridge = daemon.websocket_url.replace("websocket", "klippysocket")
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(bridge, additional_headers=headers),
    ):
        pass
    response = refused.value.response
    assert response.status_code == 401
    assert names_the_proxy((response.body or b"").decode())


def test_without_such_a_header_and_with_a_key_all_is_as_before(daemon: DaemonProcess) -> None:
    with daemon.connect() as local:
        key = local.call("access.get_api_key")
    for headers in ({}, {"X-Forwarded-Proto": "https"}, {**PASSED_ON[0], "X-Api-Key": key}):
        answer = httpx.get(daemon.url + "/server/info", headers={**HOST, **headers}, timeout=20)
        assert answer.status_code == 200


def warnings_of(daemon: DaemonProcess) -> list[Any]:
    with daemon.connect() as local:
        told = local.call("server.info")["warnings"]
        return [text for text in told if "trusted_proxies" in text]


def test_server_info_warns_once(daemon: DaemonProcess) -> None:
    for headers in PASSED_ON * 2:
        assert httpx.get(daemon.url + "/server/info", headers=headers).status_code == 401
    (warning,) = warnings_of(daemon)
    assert names_the_proxy(warning)


def test_nobody_is_believed_without_xheaders(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("xheaders")
    with run_daemon(folder, "use_xheaders: False") as daemon:
        url = daemon.url + "/server/info"
        assert httpx.get(url).status_code == 200
        assert warnings_of(daemon) == []
        assert httpx.get(url, headers={"X-Forwarded-For": "127.0.0.5"}).status_code == 401
        assert len(warnings_of(daemon)) == 1


def test_a_client_that_the_proxy_does_not_name_is_nobody(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with run_daemon(tmp_path_factory.mktemp("unclear")) as daemon:
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded"):
            for value in ("unix:", "junk", "", "for=unix:"):
                answer = httpx.get(daemon.url + "/server/info", headers={name: value})
                assert answer.status_code == 401, (name, value)
                assert "do not say clearly who asks" in answer.text
