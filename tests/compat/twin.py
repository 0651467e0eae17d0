"""One of the two daemons as a client meets it, and what it was heard to answer."""

import contextlib
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

from benchmarks import wire
from benchmarks.clients import HOST, Client, Lost
from benchmarks.daemon import Daemon, DaemonFailed

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, or a notification, under the name of what was asked."""

    status: str
    value: Any


@dataclass(eq=False)
class Twin:
    """`heard` has what was answered, by name; a name that comes again gets a number."""

    name: str
    daemon: Daemon
    http: httpx.Client
    socket: Client
    data: Path
    heard: dict[str, list[Heard]] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)
    _answers: dict[int, dict[str, Any]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    @contextlib.contextmanager
    def connect(cls, name: str, daemon: Daemon) -> Iterator[Self]:
        """With a websocket that is identified, as a front end's is."""
        client = Client.websocket(daemon.port)
        http = httpx.Client(base_url=f"http://{HOST}:{daemon.port}", timeout=PATIENCE_S)
        with contextlib.closing(client), http:
            client.socket.settimeout(PATIENCE_S)
            client.identify()
            yield cls(name, daemon, http, client, daemon.log.parent)

    def ask(self, verb: str, path: str, remark: str = "", **options: Any) -> Any:
        """One HTTP request; its decoded body is returned."""
        try:
            answer = self.http.request(verb, path, **options)
        except httpx.HTTPError as exc:
            raise Lost(f"{verb} {path}: {exc!r}") from exc
        kind = answer.headers.get("content-type", "no type").partition(";")[0]
        value = self._decoded(answer.text) if kind == "application/json" and answer.text else kind
        name = f"{verb} {path.partition('?')[0]}"
        self._note(f"{name} ({remark})" if remark else name, str(answer.status_code), value)
        return value

    def call(self, method: str, params: Any = None, remark: str = "") -> Any:
        """One request on the websocket; its result, or its error, is returned."""
        return self._answered(method, self._send(method, params), remark)

    def call_at_once(self, *calls: tuple[str, Any], remark: str) -> None:
        """Requests that follow each other without a wait for answers, as scripts send them."""
        sent = [(method, self._send(method, params)) for method, params in calls]
        for method, number in sent:
            self._answered(method, number, remark)

    def _send(self, method: str, params: Any) -> int:
        number = next(self._ids)
        self.socket.socket.sendall(self.socket.frame(wire.rpc(method, number, params)))
        return number

    def _answered(self, method: str, number: int, remark: str) -> Any:
        answer = self._answers.pop(number, None)
        if answer is None:
            answer = self._until(lambda message: message.get("id") == number)
            del self._answers[number]
        name = f"{method} ({remark})" if remark else method
        if "error" in answer:
            self._note(name, str(answer["error"]["code"]), answer["error"])
            return answer["error"]
        self._note(name, "ok", answer["result"])
        return answer["result"]

    def wait_for(self, method: str, wanted: Callable[[Any], bool] = lambda params: True) -> Any:
        """Params of the first such notification since the last wait."""
        while True:
            for index, message in enumerate(self.notices):
                params = message.get("params", [])
                if message["method"] == method and wanted(params):
                    del self.notices[: index + 1]
                    return params
            self._until(lambda message: message.get("method") == method)

    def until(self, ready: Callable[[], bool], what: str) -> None:
        """Look again and again; raises `DaemonFailed` when it does not come true."""
        limit = time.monotonic() + PATIENCE_S
        while not ready():
            if time.monotonic() > limit:
                raise DaemonFailed(f"{self.name}: {what} did not come")
            time.sleep(0.05)

    def look(self, path: str, **params: str) -> Any:
        """The result of a GET that is not compared."""
        return self.http.get(path, params=params or None).json()["result"]

    def _until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            found = None
            for data in self.socket.receive():
                message = self._decoded(data.decode())
                if "method" in message:
                    self.notices.append(message)
                    self._note(message["method"], "told", message.get("params"))
                else:
                    self._answers[message["id"]] = message
                if found is None and wanted(message):
                    found = message
            if found is not None:
                return found
        raise Lost(f"{self.name}: what was waited for did not come")

    def _decoded(self, text: str) -> Any:
        """The data folder, which differs, is written as `DATA`."""
        return json.loads(text.replace(str(self.data), "DATA"))

    def _note(self, name: str, status: str, value: Any) -> None:
        self.heard.setdefault(name, []).append(Heard(status, value))
