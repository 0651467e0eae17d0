"""What the programs people print with demand beyond the reference: one test a demand."""

import json

import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.e2e.processes import DaemonProcess
from tests.e2e.test_client_libraries import Socket
from tests.e2e.wire import RpcFailed, connect_tcp
from tests.polling import wait_until

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("params", ["", ',"params":null', ',"params":{}', ',"params":{"odd":1}'])
def test_params_may_be_absent_null_empty_or_unknown(demo: DaemonProcess, params: str) -> None:
    for method in ("server.info", "printer.info", "printer.objects.list", "server.config"):
        with connect(demo.websocket_url, max_size=None) as connection:
            connection.send(f'{{"jsonrpc":"2.0","method":"{method}","id":1{params}}}')
            while (answer := json.loads(connection.recv(timeout=20))).get("id") != 1:
                pass
            assert "result" in answer, (method, answer)


def test_methods_of_absent_components_are_not_found(demo: DaemonProcess) -> None:
    with demo.connect() as client:
        for method in ("server.mqtt.publish", "server.spoolman.status", "machine.wled.strips"):
            with pytest.raises(RpcFailed) as unknown:
                client.call(method)
            assert unknown.value.code == -32601


def test_every_listed_object_can_be_subscribed_at_once(demo: DaemonProcess) -> None:
    with demo.connect() as client:
        names = client.call("printer.objects.list")["objects"]
        status = client.call("printer.objects.subscribe", objects=dict.fromkeys(names))["status"]
        assert set(status) == set(names)
        client.call("printer.gcode.script", script="M106 S128")
        while "fan" not in (delta := client.wait_for("notify_status_update")[0]):
            pass
        assert delta["fan"]
        # An unknown object is no error, and the new subscription replaces the old one.
        answer = client.call("printer.objects.subscribe", objects={"no_such_object": None})
        assert answer["status"] == {"no_such_object": {}}
        client.call("printer.objects.subscribe", objects={})


def test_a_page_on_another_origin(demo_with_cors: DaemonProcess) -> None:
    origin = "http://mainsail.example.org"
    with httpx.Client(base_url=demo_with_cors.url, headers={"Origin": origin}) as http:
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-api-key",
        }
        preflight = http.options("/printer/gcode/script", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == origin
        allowed = preflight.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in ("authorization", "content-type", "x-api-key"))
        for path in ("/server/info", "/server/nothing", "/printer/gcode/script"):
            answer = http.get(path)
            assert answer.headers["access-control-allow-origin"] == origin, path
        assert http.options("/server/nothing").status_code == 404
        other = http.options("/server/info", headers={"Origin": "http://evil.example"})
        assert other.status_code == 405
    with connect(demo_with_cors.websocket_url, origin=Origin(origin)) as connection:
        assert Socket(connection).call("server.info")["klippy_connected"]


def test_the_landing_page_for_another_origin(demo_with_cors: DaemonProcess) -> None:
    origin = "http://mainsail.example.org"
    answer = httpx.get(demo_with_cors.url + "/", headers={"Origin": origin})
    assert answer.headers.get("access-control-allow-origin") == origin


def test_unknown_probes_get_a_plain_4xx(demo: DaemonProcess) -> None:
    with httpx.Client(base_url=demo.url) as http:
        for path in ("/api/v1/storage", "/api/v1/info", "/favicon.ico", "/machine/none", "/a/b/c"):
            answer = http.get(path)
            assert 400 <= answer.status_code < 500
            assert answer.json()["error"]["code"] == answer.status_code


def test_raw_blanks_and_bare_keys_in_a_query(demo: DaemonProcess) -> None:
    with connect_tcp(demo.port) as sock:
        sock.sendall(
            b"GET /printer/objects/query?heater_fan hotend fan&toolhead HTTP/1.1\r\n"
            b"Host: x\r\nConnection: close\r\n\r\n"
        )
        answer = b""
        while data := sock.recv(1 << 16):
            answer += data
    assert answer.startswith(b"HTTP/1.1 200"), answer
    status = json.loads(answer.partition(b"\r\n\r\n")[2])["result"]["status"]
    assert "homed_axes" in status["toolhead"]
    assert "heater_fan hotend fan" in status


def test_a_client_that_pings_and_closes_without_waiting(demo: DaemonProcess) -> None:
    for _ in range(5):
        with connect(demo.websocket_url) as connection:
            connection.ping()
            connection.ping()
    with demo.connect() as client:
        wait_until(lambda: client.call("server.info")["websocket_count"] == 1)


def test_probes_that_close_the_losing_socket_at_once(demo: DaemonProcess) -> None:
    for _ in range(30):
        connect_tcp(demo.port).close()
    with demo.connect() as client:
        assert client.call("server.info")["klippy_state"] == "ready"
    assert "Traceback" not in demo.process.said()


def test_what_is_not_there_is_told_as_screens_expect(demo: DaemonProcess) -> None:
    """BlocksScreen leaves a folder that "does not exist", and passes over files that do not."""
    with demo.connect() as client:
        for method, kind, arguments in (
            ("server.files.get_directory", "directory", {"path": "gcodes/gone"}),
            ("server.files.delete_directory", "directory", {"path": "gcodes/gone"}),
            ("server.files.delete_file", "file", {"path": "gcodes/gone"}),
            ("server.files.move", "file or", {"source": "gcodes/gone", "dest": "gcodes/there"}),
            ("server.files.copy", "file or", {"source": "gcodes/gone", "dest": "gcodes/there"}),
            ("server.files.zip", "file or", {"items": ["gcodes/gone"]}),
        ):
            with pytest.raises(RpcFailed) as unknown:
                client.call(method, **arguments)
            told = unknown.value.message.lower()
            assert told.startswith(kind), method
            assert "does not exist (gcodes/gone)" in told, method
    gone = httpx.get(demo.url + "/server/files/gcodes/gone.gcode")
    assert gone.status_code == 404
    assert gone.json()["error"]["message"] == "File does not exist (gcodes/gone.gcode)"
