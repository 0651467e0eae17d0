"""Klippy's API socket without the socket: requests, endpoints, remote methods, terminal output.

Frames come in by connection number, messages go out through `outgoing`. Rules of
`klippy/webhooks.py`; owned by `Klippy`, emptied by the subsystem that serves it.
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from mrk.virtual_printer.gcode.command_errors import CommandError, RequestDropped
from mrk.virtual_printer.reactor import Completion, Reactor, Task

Params = dict[str, Any]
Result = dict[str, Any]
Reply = Generator["float | Completion", None, Result]
_REQUIRED: Any = object()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message for one connection, JSON without its ETX."""

    connection: int
    payload: bytes
    is_reply: bool


class WebRequest:
    """One request; its getters refuse missing and mistyped params in Klipper's words."""

    __slots__ = ("connection", "id", "method", "params")

    def __init__(self, connection: int, frame: bytes) -> None:
        """Raises `RequestDropped` for what Klipper does not answer."""
        try:
            request = json.loads(frame)
        except (ValueError, RecursionError):
            raise RequestDropped("not JSON") from None
        if not isinstance(request, dict):
            raise RequestDropped("not a top-level dictionary")
        self.connection = connection
        self.id = request.get("id")
        method, params = request.get("method"), request.get("params", {})
        if type(method) is not str or type(params) is not dict:
            raise RequestDropped("invalid request type")
        self.method = method
        self.params = params

    def get_dict(self, name: str, default: Any = _REQUIRED) -> Any:
        """An object param."""
        return self._get(name, default, dict)

    def get_str(self, name: str) -> Any:
        """A text param, which must be there."""
        return self._get(name, _REQUIRED, str)

    def _get(self, name: str, default: Any, wanted: type) -> Any:
        value = self.params.get(name, default)
        if value is _REQUIRED:
            raise CommandError(f"Missing Argument [{name}]")
        if name in self.params and type(value) is not wanted:
            raise CommandError(f"Invalid Argument Type [{name}]")
        return value


Endpoint = Callable[[WebRequest], "Result | Reply"]


class Webhooks:
    """Endpoints by path, and what each connection has asked to hear."""

    def __init__(self, reactor: Reactor) -> None:
        self._reactor = reactor
        self._endpoints: dict[str, Endpoint] = {}
        self._remote_methods: dict[str, dict[int, Params]] = {}
        self._output_subscribers: dict[int, Params] = {}
        self.connections: set[int] = set()
        self.outgoing: list[Outgoing] = []
        self.on_disconnect: list[Callable[[int], None]] = []
        self.register("list_endpoints", self._list_endpoints)
        self._last_number = 0

    def register(self, path: str, endpoint: Endpoint) -> None:
        """Answer `path` with `endpoint`: a result, or a task that ends with one."""
        self._endpoints[path] = endpoint

    def register_host_endpoints(self) -> None:
        """The endpoints of this class that follow `info` in Klipper's order."""
        self.register("register_remote_method", self._register_remote_method)

    def connect(self) -> int:
        """A new connection's number."""
        self._last_number += 1
        self.connections.add(self._last_number)
        return self._last_number

    def disconnect(self, connection: int) -> None:
        """Forget everything the connection had asked for."""
        self.connections.discard(connection)
        self._output_subscribers.pop(connection, None)
        for templates in self._remote_methods.values():
            templates.pop(connection, None)
        for react in self.on_disconnect:
            react(connection)

    def receive(self, connection: int, frame: bytes) -> None:
        """Run one request; its answer appears in `outgoing`, at once or later."""
        try:
            request = WebRequest(connection, frame)
        except RequestDropped:
            return
        try:
            endpoint = self._endpoints.get(request.method)
            if endpoint is None:
                raise CommandError(f"webhooks: No registered callback for path '{request.method}'")
            answer = endpoint(request)
        except CommandError as exc:
            self._fail(request, exc)
            return
        if isinstance(answer, dict):
            self._answer(request, {"result": answer})
        else:
            self._reactor.spawn(self._finish(request, answer))

    def send(self, connection: int, message: dict[str, Any], *, is_reply: bool = False) -> None:
        """Queue a message for a connection that is still there."""
        if connection in self.connections:
            # A saved variable may be any literal, such as a set: shown as text, never fatal.
            payload = json.dumps(
                message, separators=(",", ":"), default=str, skipkeys=True
            ).encode()
            self.outgoing.append(Outgoing(connection, payload, is_reply))

    def call_remote_method(self, method: str, params: Params) -> None:
        """Call every connection that registered `method`; nobody there is no error."""
        for connection, template in self._remote_methods.get(method, {}).items():
            self.send(connection, {"params": params, **template})

    def say(self, response: str) -> None:
        """Send terminal output to its subscribers."""
        for connection, template in list(self._output_subscribers.items()):
            self.send(connection, {**template, "params": {"response": response}})

    def subscribe_output(self, request: WebRequest) -> Result:
        """The endpoint `gcode/subscribe_output`."""
        template = request.get_dict("response_template", {})
        self._output_subscribers.setdefault(request.connection, template)
        return {}

    def _list_endpoints(self, request: WebRequest) -> Result:
        return {"endpoints": list(self._endpoints)}

    def _register_remote_method(self, request: WebRequest) -> Result:
        template = request.get_dict("response_template")
        method = request.get_str("remote_method")
        self._remote_methods.setdefault(method, {})[request.connection] = template
        return {}

    def _finish(self, request: WebRequest, answer: Reply) -> Task:
        try:
            result = yield from answer
        except CommandError as exc:
            self._fail(request, exc)
        else:
            self._answer(request, {"result": result})

    def _fail(self, request: WebRequest, error: CommandError) -> None:
        self._answer(request, {"error": {"error": "WebRequestError", "message": str(error)}})

    def _answer(self, request: WebRequest, body: dict[str, Any]) -> None:
        # Without an id nothing is answered, not even an error.
        if request.id is not None:
            self.send(request.connection, {"id": request.id, **body}, is_reply=True)
