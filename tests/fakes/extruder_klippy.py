"""Klipper's link as the spool reporter sees it (`KlippyPort`): extruders that push, restarts, and
macros that call. Everything happens at once; `beat` says it to the readers, as Klipper does."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import trio

from mrk.errors import ClientError
from mrk.fanout import EventReader, Fanout
from mrk.klippy.events import Disconnected, Identified, KlippyEvent, Ready
from mrk.status.update import StatusUpdate
from tests.fakes.no_klippy import NoKlippy


class ExtruderKlippy(NoKlippy):
    """One printer. `pushed` is the truth: net mm of each extruder since it was built."""

    def __init__(self) -> None:
        self.state = "ready"
        self.eventtime = 1000.0
        self.process_id = 1
        self.mcu_began = 900.0
        self.pushed: dict[str, float] = {}
        self.print_stats: dict[str, Any] = {
            "filename": "", "total_duration": 0.0, "state": "standby"
        }  # fmt: skip
        self.methods: dict[str, Any] = {}
        self.silent = False
        self._places: dict[str, float] = {}
        self._extruder = "extruder"
        self._subscribed = False
        self._fanout: Fanout[KlippyEvent] = Fanout()
        self._said: dict[str, dict[str, Any]] = {}
        self.info: Mapping[str, Any] = {}
        self._identify("ready")

    # `KlippyPort`

    @property
    def klippy_connected(self) -> bool:
        return self.state != "disconnected"

    @property
    def klippy_state(self) -> str:
        return self.state

    @property
    def virtual_sd_path(self) -> str | None:
        return None

    def open_events(self, name: str, size: int, *kinds: type) -> EventReader[KlippyEvent]:
        return self._fanout.open_reader(name, size, *kinds)

    async def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        assert method == "objects/query"
        assert params is not None
        await trio.lowlevel.checkpoint()
        if self.silent:
            await trio.sleep_forever()
        self._require()
        self.eventtime += 0.001
        return {"eventtime": self.eventtime, "status": self._status(params["objects"])}

    async def subscribe(self, objects: Mapping[str, Collection[str] | None]) -> Mapping[str, Any]:
        await trio.lowlevel.checkpoint()
        self._require()
        self._subscribed = True
        return self._status(objects)

    def status(self, name: str) -> Mapping[str, Any]:
        return self._status({name: None}).get(name, {})

    def register_remote_method(self, name: str, method: Any) -> None:
        self.methods[name] = method

    def unregister_remote_method(self, name: str) -> None:
        del self.methods[name]

    # What a test orders

    def push(self, mm: float, tool: str | None = None, *, beat: bool = True) -> None:
        """Move filament, with a tool change before if need be."""
        if tool is not None:
            self._extruder = tool
        self._places[self._extruder] = self._places.get(self._extruder, 0.0) + mm
        self.pushed[self._extruder] = self.pushed.get(self._extruder, 0.0) + mm
        if beat:
            self.beat()

    def beat(self) -> None:
        """Klipper's report of what changed, each 0.25 s."""
        self.eventtime += 0.25
        if self.print_stats["state"] == "printing":
            self.print_stats["total_duration"] += 0.25
        now = self._status({"toolhead": ["position", "extruder"], "print_stats": None})
        delta = {
            name: {f: v for f, v in fields.items() if self._said.get(name, {}).get(f) != v}
            for name, fields in now.items()
        }
        self._said = now
        delta = {name: fields for name, fields in delta.items() if fields}
        if self._subscribed and delta and self.state != "disconnected":
            self._fanout.publish(StatusUpdate(delta, self.eventtime), delta)

    def print(self, filename: str = "a.gcode") -> None:
        self.print_stats = {"filename": filename, "total_duration": 0.0, "state": "printing"}

    def drop_link(self) -> None:
        """The connection is gone; Klipper goes on."""
        self.state, self._subscribed = "disconnected", False
        self._fanout.publish(Disconnected())

    def restore_link(self) -> None:
        self._identify("ready")
        self._fanout.publish(Ready())

    def restart(self, *, firmware: bool = False, seen: bool = True) -> None:
        """A new run of Klipper: all extruders begin at 0."""
        self.drop_link()
        self.eventtime += 5
        self._places.clear()
        self._extruder = "extruder"
        self.print_stats = {"filename": "", "total_duration": 0.0, "state": "standby"}
        if firmware:
            self.mcu_began = self.eventtime
        self._identify("startup" if seen else "ready")
        self._fanout.publish(Ready())

    def say(self, events: Iterable[KlippyEvent]) -> None:
        for event in events:
            about = event.names if isinstance(event, StatusUpdate) else None
            self._fanout.publish(event, about)

    def _identify(self, state: str) -> None:
        self.info = {"state": state, "process_id": self.process_id}
        self.state = "ready"
        self._said = {}
        self._fanout.publish(Identified(self.info))

    def _require(self) -> None:
        if self.state == "disconnected":
            raise ClientError("Klippy Host not connected", 503)

    def _status(self, objects: Mapping[str, Collection[str] | None]) -> dict[str, dict[str, Any]]:
        place = self._places.get(self._extruder, 0.0)
        known = {
            "toolhead": {
                "position": [10.0, 20.0, 0.3, place],
                "extruder": self._extruder,
                "estimated_print_time": self.eventtime - self.mcu_began,
            },
            "print_stats": dict(self.print_stats),
        }
        return {
            name: {
                field: value
                for field, value in known[name].items()
                if fields is None or field in fields
            }
            for name, fields in objects.items()
            if name in known
        }
