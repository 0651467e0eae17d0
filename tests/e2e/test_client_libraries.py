"""A daemon's process against `websockets` and `httpx`, which nobody here wrote."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.processes import DaemonProcess, run_daemon, run_printer
from tests.polling import wait_until

pytestmark = pytest.mark.e2e
IDENTITY = {"client_name": "stranger", "version": "1", "type": "web", "url": "http://x/"}


class Socket:
    """JSON-RPC by hand over somebody else's websocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.notices: list[dict[str, Any]] = []
        self._last = 0

    def call(self, method: str, **params: Any) -> Any:
        self._last += 1
        request = {"jsonrpc": "2.0", "method": method, "params": params, "id": self._last}
        self.connection.send(json.dumps(request))
        while True:
            message = self.receive()
            if message.get("id") == self._last:
                assert "error" not in message, message
                return message["result"]
            self.notices.append(message)

    def wait_for(self, method: str) -> list[Any]:
        while True:
            message = self.notices.pop(0) if self.notices else self.receive()
            if message.get("method") == method:
                return list(message.get("params", []))

    def receive(self) -> Any:
        return json.loads(self.connection.recv(timeout=20))

    def answer(self) -> Any:
        """The next message that is no notification: those come at any time."""
        while isinstance(message := self.receive(), dict) and "method" in message:
            self.notices.append(message)
        return message

    def until_closed(self) -> None:
        """Whatever is said before; raises `ConnectionClosed`."""
        while True:
            self.receive()


@pytest.fixture
def client(demo: DaemonProcess) -> Iterator[Socket]:
    with connect(demo.websocket_url, max_size=None) as connection:
        yield Socket(connection)


@pytest.fixture
def http(demo: DaemonProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=demo.url, timeout=20) as client:
        yield client


def test_identify_call_and_be_known(client: Socket) -> None:
    number = client.call("server.connection.identify", **IDENTITY)["connection_id"]
    assert client.call("server.websocket.id") == {"websocket_id": number}
    assert client.call("server.info")["klippy_state"] == "ready"
    # Those of others go when the daemon has seen their ends.
    wait_until(lambda: client.call("server.info")["websocket_count"] == 1)


def test_notifications_follow_a_subscription(client: Socket) -> None:
    status = client.call("printer.objects.subscribe", objects={"extruder": ["target"]})
    assert set(status["status"]["extruder"]) == {"target"}
    client.call("printer.gcode.script", script="M104 S55")
    delta, eventtime = client.wait_for("notify_status_update")
    assert delta == {"extruder": {"target": 55.0}}
    assert eventtime > 0
    client.call("printer.gcode.script", script="M104 S0")


def test_batch(client: Socket) -> None:
    request = {"jsonrpc": "2.0", "method": "server.info", "id": "a"}
    client.connection.send(json.dumps([request, {**request, "id": 0}, {"id": 7}]))
    answers = {answer["id"]: answer for answer in client.answer()}
    assert set(answers) == {"a", 0, 7}
    assert answers["a"]["result"]["klippy_state"] == "ready"
    assert answers[7]["error"]["code"] == -32600


def test_binary_and_fragmented_messages(client: Socket) -> None:
    request = json.dumps({"jsonrpc": "2.0", "method": "printer.info", "id": 9})
    client.connection.send(request.encode())
    assert client.answer()["id"] == 9
    client.connection.send(iter([request[:5], request[5:20], request[20:]]))
    assert client.answer()["result"]["state"] == "ready"


def test_pings_are_answered_and_a_close_is_returned(client: Socket) -> None:
    assert client.connection.ping("are you there").wait(20)
    client.connection.close(code=1000, reason="done")
    assert client.connection.close_code == 1000


def test_close_codes_say_why(demo: DaemonProcess) -> None:
    with connect(demo.websocket_url) as connection:
        connection.send("x" * (11 * 1024 * 1024))
        with pytest.raises(ConnectionClosed) as caught:
            Socket(connection).until_closed()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009


def test_bridge_passes_klippys_own_protocol(demo: DaemonProcess) -> None:
    with connect(demo.websocket_url.replace("/websocket", "/klippysocket")) as bridge:
        bridge.send(json.dumps({"id": 5, "method": "info", "params": {}}))
        answer = json.loads(bridge.recv(timeout=20))
    assert answer["id"] == 5
    assert answer["result"]["state"] == "ready"


def test_klipperscreens_ways_in(demo: DaemonProcess) -> None:
    with connect(demo.websocket_url + "?token=") as connection:
        screen = Socket(connection)
        # As without a key in its configuration, from April 2024 to June 2026.
        screen.call("server.connection.identify", **{**IDENTITY, "type": "display"}, api_key="")
        assert screen.call("server.info")["klippy_connected"] is True
    with demo.connect() as unix:
        unix.call("server.connection.identify", **{**IDENTITY, "type": "display"})
        assert unix.call("printer.info")["state"] == "ready"


def test_http_get_post_and_json_rpc_on_one_connection(http: httpx.Client) -> None:
    assert http.get("/server/info").json()["result"]["klippy_state"] == "ready"
    script = {"script": "M117 from afar"}
    assert http.post("/printer/gcode/script", params=script).json() == {"result": "ok"}
    assert http.post("/printer/gcode/script", json=script).json() == {"result": "ok"}
    assert http.post("/printer/gcode/script", data=script).json() == {"result": "ok"}
    call = {"jsonrpc": "2.0", "method": "printer.objects.list", "id": 3}
    answer = http.post("/server/jsonrpc", json=[call, {**call, "id": None}]).json()
    assert [reply["id"] for reply in answer] == [3]
    query = http.get("/printer/objects/query?webhooks&extruder=target,temperature")
    status = query.json()["result"]["status"]
    assert set(status) == {"webhooks", "extruder"}
    assert set(status["extruder"]) == {"target", "temperature"}


def test_http_errors_are_json_with_a_reason(http: httpx.Client) -> None:
    for answer, status in (
        (http.get("/server/nothing"), 404),
        (http.delete("/server/info"), 405),
        (http.post("/printer/gcode/script"), 400),
        (http.post("/server/jsonrpc", content=b"{}"), 400),
        (http.post("/printer/gcode/script", params={"script": "G1 X9999"}), 400),
    ):
        assert answer.status_code == status
        assert answer.json()["error"]["code"] == status
        assert answer.json()["error"]["message"]


def test_landing_page_says_what_runs(http: httpx.Client) -> None:
    page = http.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "ready" in page.text


def test_http_subscription_updates_the_websocket(client: Socket, http: httpx.Client) -> None:
    number = client.call("server.websocket.id")["websocket_id"]
    params = {"connection_id": str(number), "extruder": "target"}
    assert http.post("/printer/objects/subscribe", params=params).status_code == 200
    client.call("printer.gcode.script", script="M104 S33")
    assert client.wait_for("notify_status_update")[0] == {"extruder": {"target": 33.0}}
    client.call("printer.gcode.script", script="M104 S0")
    del params["connection_id"]
    assert http.post("/printer/objects/subscribe", params=params).status_code == 400


def test_a_strangers_origin_is_refused_and_a_known_one_served(demo: DaemonProcess) -> None:
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(demo.websocket_url, origin="http://evil.example"),  # type: ignore[call-overload]
    ):
        pass
    assert refused.value.response.status_code == 403


def test_restart_tells_clients_and_serves_them_again(tmp_path: Path) -> None:
    with run_daemon(tmp_path) as daemon, run_printer(tmp_path):
        daemon.wait_klippy()
        with connect(daemon.websocket_url) as connection:
            client = Socket(connection)
            assert client.call("server.restart") == "ok"
            with pytest.raises(ConnectionClosed) as caught:
                client.wait_for("notify_of_nothing")
        # Mainsail and Fluidd come back after this, and stay away after a close frame of any code.
        assert (caught.value.rcvd, caught.value.sent) == (None, None)
        with connect(daemon.websocket_url) as connection:
            assert Socket(connection).call("server.nurseries")["generation"] == 2
        with httpx.Client(base_url=daemon.url) as http:
            http.post("/server/restart")
        with httpx.Client(base_url=daemon.url, timeout=20) as http:
            # In the middle of it: a new connection waits, and is answered by the next.
            assert http.get("/server/nurseries").json()["result"]["generation"] == 3


def test_who_asks_on_behind_a_restart_is_served_by_what_follows(demo: DaemonProcess) -> None:
    """On a connection that is kept, as programs ask that do one thing after the other."""
    item = {"namespace": "kept", "key": "k"}
    with httpx.Client(base_url=demo.url, timeout=20) as http:
        before = http.get("/server/nurseries").json()["result"]["generation"]
        assert http.post("/server/restart").headers["connection"] == "close"
        assert http.get("/server/nurseries").json()["result"]["generation"] == before + 1
        http.post("/server/database/item", json={**item, "value": "old"}).raise_for_status()
        backup = http.post("/server/database/backup").json()["result"]["backup_path"]
        http.post("/server/database/item", json={**item, "value": "new"}).raise_for_status()
        name = backup.rpartition("/")[2]
        http.post("/server/database/restore", params={"filename": name}).raise_for_status()
        answer = http.get("/server/database/item", params=item)
        assert answer.json()["result"]["value"] == "old"


def test_nobody_is_refused_while_generations_change(tmp_path: Path) -> None:
    generations: list[int] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def knock(url: str) -> None:
        while not done.is_set():
            try:
                with connect(url) as connection:
                    node = Socket(connection).call("server.nurseries")
                    generations.append(node["generation"])
            except ConnectionClosed as exc:
                # Served by the generation that just ended.
                if exc.rcvd is not None:
                    failures.append(exc)
            except BaseException as exc:
                failures.append(exc)

    with run_daemon(tmp_path) as daemon:
        threads = [threading.Thread(target=knock, args=(daemon.websocket_url,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for number in range(2, 7):
            with daemon.connect() as unix:
                unix.call("server.restart")
            daemon.notices.until("READY=1")
            reached = time.monotonic() + 20
            while number not in generations and time.monotonic() < reached:
                time.sleep(0.005)
        done.set()
        for thread in threads:
            thread.join(20)
    assert failures == []
    assert set(generations) >= {2, 3, 4, 5, 6}
