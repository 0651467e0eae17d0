"""Answers of megabytes, which are put together in threads: the same on every transport."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.processes import DaemonProcess, configure, started
from tests.e2e.wire import PATIENCE_S
from tests.polling import wait_until

pytestmark = pytest.mark.e2e
FILES = 16_000
LIST = ("server.files.list", {"root": "config"})
FOLDER = ("server.files.get_directory", {"path": "config/crowd"})


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    folder: Path = tmp_path_factory.mktemp("crowded")
    port = configure(folder)
    crowd = folder / "config" / "crowd"
    crowd.mkdir()
    for number in range(FILES):
        (crowd / f"{'long' * 10}-{number:06}.cfg").touch()
    with started(["-d", str(folder)], folder, port) as daemon:
        yield daemon


def rpc(call: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": "same", "method": call[0], "params": call[1]}


def by_websocket(daemon: DaemonProcess, message: object) -> Any:
    with connect(daemon.websocket_url, max_size=None) as socket:
        socket.send(json.dumps(message))
        while True:
            answer = json.loads(socket.recv(timeout=PATIENCE_S))
            if isinstance(answer, list) or answer.get("id") == "same":
                return answer


@pytest.mark.parametrize("call", [LIST, FOLDER])
def test_the_same_everywhere(crowded: DaemonProcess, call: tuple[str, dict[str, Any]]) -> None:
    paths = {LIST[0]: "/server/files/list", FOLDER[0]: "/server/files/directory"}
    with crowded.connect() as unix:
        expected = unix.call(call[0], **call[1])
    files = expected["files"] if isinstance(expected, dict) else expected
    assert len(files) >= FILES
    with httpx.Client(base_url=crowded.url, timeout=PATIENCE_S) as http:
        answer = http.get(paths[call[0]], params=call[1])
        assert int(answer.headers["content-length"]) == len(answer.content) > 1024 * 1024
        assert _steady(answer.json()["result"]) == _steady(expected)
        posted = http.post("/server/jsonrpc", json=rpc(call)).json()
        assert http.head(paths[call[0]], params=call[1]).headers["content-length"]
    assert (posted["id"], _steady(posted["result"])) == ("same", _steady(expected))
    single = by_websocket(crowded, rpc(call))
    (batched, info) = by_websocket(crowded, [rpc(call), rpc(("server.info", {}))])
    assert single["jsonrpc"] == "2.0"
    assert _steady(single["result"]) == _steady(batched["result"]) == _steady(expected)
    assert info["result"]["failed_components"] == []


def _steady(answer: Any) -> Any:
    """Without what other programs change meanwhile."""
    return {**answer, "disk_usage": None} if isinstance(answer, dict) else answer


def test_many_at_once_and_clients_that_leave(crowded: DaemonProcess) -> None:
    sizes: list[int] = []

    def ask() -> None:
        sizes.append(len(by_websocket(crowded, rpc(LIST))["result"]))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(10):  # gone before their answers are ready
        with crowded.connect() as unix:
            unix.ask(LIST[0], **LIST[1])
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(sizes) == 6
    assert min(sizes) >= FILES
    with crowded.connect() as unix:  # answers that nobody waits for are still put together
        wait_until(lambda: unix.call("server.info")["websocket_count"] == 1)
