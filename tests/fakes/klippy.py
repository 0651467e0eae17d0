"""A scripted Klippy over memory streams: answers by a table, and does what a test orders.

`open_stream` is what a link connects with; `serve` runs as long as the test.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import trio
import trio.testing
from trio.abc import Stream

from mrk.errors import Transient

Params = dict[str, Any]
ENDPOINTS = [
    "list_endpoints",
    "info",
    "emergency_stop",
    "register_remote_method",
    "gcode/help",
    "gcode/script",
    "gcode/restart",
    "gcode/subscribe_output",
    "objects/list",
    "objects/query",
    "objects/subscribe",
    "pause_resume/pause",
    "pause_resume/resume",
    "pause_resume/cancel",
    "query_endstops/status",
    "bed_mesh/dump_mesh",
]


class Refused(Exception):
    """What an answer raises to become Klipper's error."""


class FakeKlippy:
    """One printer host; a new connection forgets subscriptions, as Klipper does."""

    def __init__(self) -> None:
        self.up = True
        self.state: Any = "ready"
        self.endpoints = list(ENDPOINTS)
        self.status: dict[str, dict[str, Any]] = {
            "webhooks": {"state": "ready", "state_message": "Printer is ready"},
            "configfile": {"config": {"virtual_sdcard": {"path": "/gcodes"}}, "settings": {}},
            "virtual_sdcard": {"is_active": False},
            "display_status": {"progress": 0.0},
            "pause_resume": {"is_paused": False},
            "heaters": {
                "available_heaters": ["extruder"],
                "available_sensors": ["extruder"],
                "available_monitors": ["tmc x"],
            },
            "extruder": {"temperature": 20.0, "target": 0.0, "power": 0.0},
            "tmc x": {"temperature": None},
            "toolhead": {"homed_axes": "", "position": [0.0, 0.0, 0.0, 0.0]},
        }
        self.eventtime = 100.0
        self.requests: list[Params] = []
        self.silent: set[str] = set()
        self.templates: dict[str, Params] = {}
        self.subscribed: Params = {}
        self.connections = 0
        self.answers: dict[str, Callable[[Params], Any]] = {
            "info": lambda _params: {
                "state": self.state,
                "state_message": "as it is",
                "klipper_path": "/home/pi/klipper",
                "process_id": 812,
            },
            "list_endpoints": lambda _params: {"endpoints": self.endpoints},
            "objects/list": lambda _params: {"objects": list(self.status)},
            "objects/query": lambda params: self.query(params["objects"]),
            "objects/subscribe": self._subscribe,
            "gcode/subscribe_output": self._subscribe_output,
            "gcode/help": lambda _params: {"G28": "Home"},
            "query_endstops/status": lambda _params: {},
        }
        self._stream: Stream | None = None
        self._arrivals_send, self._arrivals = trio.open_memory_channel[Stream](10)
        self._request_seen = trio.Event()

    async def open_stream(self) -> Stream:
        await trio.lowlevel.checkpoint()
        if not self.up:
            raise Transient("Klipper's socket cannot be opened")
        ours, theirs = trio.testing.memory_stream_pair()
        self._arrivals_send.send_nowait(theirs)
        return ours

    async def serve(self) -> None:
        async with trio.open_nursery() as nursery:
            async for stream in self._arrivals:
                self.connections += 1
                self._stream = stream
                self.templates, self.subscribed = {}, {}
                nursery.start_soon(self._talk, stream)

    async def _talk(self, stream: Stream) -> None:
        rest = b""
        while True:
            try:
                data = await stream.receive_some()
            except trio.ClosedResourceError:
                return
            if not data:
                return
            *frames, rest = (rest + data).split(b"\x03")
            try:
                for frame in frames:
                    await self._take(json.loads(frame))
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                return  # it was closed while an answer was on its way

    async def _take(self, request: Params) -> None:
        self.requests.append(request)
        event, self._request_seen = self._request_seen, trio.Event()
        event.set()
        if request["method"] not in self.silent:
            await self.answer(request)

    async def answer(self, request: Params) -> None:
        """Answer a request now, also one that was left in silence."""
        await self.send(self.reply_to(request))

    def reply_to(self, request: Params) -> Params:
        handler = self.answers.get(request["method"], lambda _params: {})
        try:
            return {"id": request.get("id"), "result": handler(request["params"])}
        except Refused as exc:
            error = {"error": "WebRequestError", "message": str(exc)}
            return {"id": request.get("id"), "error": error}

    def query(self, objects: dict[str, Any]) -> Params:
        status = {}
        for name, fields in objects.items():
            known = self.status.get(name, {})
            chosen = list(known) if fields is None else fields
            status[name] = {field: known.get(field) for field in chosen}
        return {"eventtime": self.eventtime, "status": status}

    def _subscribe(self, params: Params) -> Params:
        self.subscribed = params["objects"]
        self.templates["status"] = params["response_template"]
        return self.query(params["objects"])

    def _subscribe_output(self, params: Params) -> Params:
        self.templates["output"] = params["response_template"]
        return {}

    # What a test orders

    def asked(self, method: str) -> list[Params]:
        """Params of all requests of that method so far."""
        return [request["params"] for request in self.requests if request["method"] == method]

    async def wait_for(self, method: str, count: int = 1) -> Params:
        """Return the request of that method that is the `count`-th so far."""
        while len(self.asked(method)) < count:
            await self._request_seen.wait()
        return [request for request in self.requests if request["method"] == method][count - 1]

    def change(self, status: dict[str, dict[str, Any]]) -> Params:
        """Change the printer, and return the update that says so."""
        for name, fields in status.items():
            self.status.setdefault(name, {}).update(fields)
        self.eventtime += 0.25
        params = {"eventtime": self.eventtime, "status": status}
        return {"method": "process_status_update", "params": params}

    async def send(self, *messages: Any) -> None:
        """Send messages in one chunk."""
        await self.send_bytes(b"".join(json.dumps(m).encode() + b"\x03" for m in messages))

    async def send_bytes(self, data: bytes) -> None:
        assert self._stream is not None
        await self._stream.send_all(data)

    async def say(self, *lines: str) -> None:
        """Terminal output."""
        template = self.templates["output"]
        await self.send(*({**template, "params": {"response": line}} for line in lines))

    async def close(self) -> None:
        """Close the connection, as a restart of Klipper does."""
        assert self._stream is not None
        await self._stream.aclose()

    def methods(self) -> Iterable[str]:
        return [request["method"] for request in self.requests]
