"""Klippy's own endpoints, passed through as printer.*: those it lists, once it does.

Owns which have been offered; the table gets each new one as it becomes known.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from mrk.api.arguments import objects_query
from mrk.api.caller import EVERYWHERE, Caller, Transport
from mrk.api.endpoint import Endpoint, NoParams
from mrk.api.outcome import AskedOther
from mrk.klippy.access import klippy_access
from mrk.klippy.klippy_protocols import KlippyRequests
from mrk.klippy.requests import check_arguments, check_objects, check_script, is_stop
from nurseries.klippy.client_subscriptions import ClientSubscriptions
from nurseries.klippy.gcode import PrinterGcode

Extend = Callable[[list[Endpoint]], list[Endpoint]]

# Ours or Klippy's own business; never offered to clients.
NOT_OFFERED = frozenset({"list_endpoints", "gcode/subscribe_output", "register_remote_method"})
BOTH_VERBS = ("GET", "POST")
SUBSCRIBE_TRANSPORTS = frozenset({Transport.HTTP, Transport.WEBSOCKET, Transport.UNIX})
_ENDPOINT_NAME = r"[A-Za-z0-9_\-]+(/[A-Za-z0-9_\-]+)*"
_SUMMARIES = {
    "info": "Describe the printer host process and its state.",
    "emergency_stop": "Halt the printer at once and put it in the shutdown state.",
    "objects/list": "List the printer objects that can be queried.",
    "objects/query": "Read the current fields of printer objects.",
    "objects/subscribe": "Subscribe this connection to changes of printer objects.",
    "gcode/script": "Run g-code; answers when the last command has run.",
    "gcode/help": "List the g-code commands that have a description.",
    "gcode/restart": "Run RESTART inside the printer host.",
    "gcode/firmware_restart": "Run FIRMWARE_RESTART inside the printer host.",
    "query_endstops/status": "Read the endstops.",
    "pause_resume/pause": "Run the printer's PAUSE command.",
    "pause_resume/resume": "Run the printer's RESUME command.",
    "pause_resume/cancel": "Run the printer's CANCEL_PRINT command.",
    "bed_mesh/dump_mesh": "Read the bed mesh and its stored profiles.",
}


class ScriptParams(msgspec.Struct, frozen=True):
    """One or more g-code commands, separated by newlines."""

    script: str


class ObjectsParams(msgspec.Struct, frozen=True):
    """Printer object -> null for every field, or the names of some."""

    objects: dict[str, list[str] | None]


class MeshParams(msgspec.Struct, frozen=True):
    """`mesh_args` adds calibration data."""

    mesh_args: dict[str, Any] | None = None


# What the pass-through endpoints of a usual Klipper take, for the reference.
_DESCRIBED: dict[str, type[msgspec.Struct]] = {
    "objects/query": ObjectsParams,
    "objects/subscribe": ObjectsParams,
    "gcode/script": ScriptParams,
    "bed_mesh/dump_mesh": MeshParams,
}


class KlippyEndpoints:
    """The declarations and handlers.

    `extend` adds endpoints to the table (`Table.extend`); what mrk owns is not replaced there.
    """

    def __init__(
        self,
        klippy: KlippyRequests,
        gcode: PrinterGcode,
        subscriptions: ClientSubscriptions,
        extend: Extend,
    ) -> None:
        self._klippy = klippy
        self._gcode = gcode
        self._subscriptions = subscriptions
        self._extend = extend
        self._offered: set[str] = set()

    def usual_endpoints(self) -> list[Endpoint]:
        """What a usual Klipper adds, for the schema, which is made without one."""
        return [self._passed_through(name) for name in _SUMMARIES]

    def unlisted(self, path: str) -> Endpoint | None:
        """The endpoint at `path`, which Klippy may have; None once it has told which it has.

        Without Klippy it answers 503, as those that are known.
        """
        name = path.removeprefix("/printer/")
        if name == path or self._klippy.endpoint_names or not _may_be_offered(name):
            return None
        return self._passed_through(name)

    def offer(self, names: Iterable[str]) -> None:
        """Klippy has these: add those that are new."""
        new = [name for name in names if name not in self._offered and _may_be_offered(name)]
        self._offered.update(new)
        if new:
            self._extend([self._passed_through(name) for name in dict.fromkeys(new)])

    def _passed_through(self, name: str) -> Endpoint:
        match name:
            case "gcode/script":
                handler: Any = self.gcode_script
            case "objects/query":
                handler = self.objects_query
            case "objects/subscribe":
                handler = self.objects_subscribe
            case "emergency_stop":
                handler = self.emergency_stop
            case _:
                handler = self._forwarder(name)
        stops = name == "emergency_stop"
        about_objects = name in ("objects/query", "objects/subscribe")
        return Endpoint(
            f"/printer/{name}",
            BOTH_VERBS,
            NoParams if stops else None,
            handler,
            _SUMMARIES.get(name, f"Klippy's endpoint {name}, passed through."),
            access=klippy_access(name),
            rpc="printer." + name.replace("/", "."),
            query=objects_query if about_objects else None,
            urgent=is_stop if name == "gcode/script" else stops,
            described=_DESCRIBED.get(name),
            transports=SUBSCRIBE_TRANSPORTS if name == "objects/subscribe" else EVERYWHERE,
        )

    def _forwarder(self, name: str) -> Callable[..., Any]:
        def forward(arguments: Mapping[str, Any], _caller: Caller) -> AskedOther:
            return self._klippy.asking(name, check_arguments(arguments))

        return forward

    # Handlers

    def gcode_script(self, arguments: Mapping[str, Any], _caller: Caller) -> AskedOther:
        """Waits without limit: a script may take as long as a print. M112 waits for nothing."""
        script = check_script(arguments)
        return self._gcode.asking_stop(script) if is_stop(arguments) else self._gcode.asking(script)

    def emergency_stop(self, _params: NoParams, _caller: Caller) -> AskedOther:
        """Overtakes everything that waits for Klipper."""
        return self._klippy.asking("emergency_stop", {}, urgent=True)

    def objects_query(self, arguments: Mapping[str, Any], _caller: Caller) -> AskedOther:
        """Answered by Klipper: unknown objects are empty, unknown fields null."""
        objects = check_objects(arguments, required=True)
        return self._klippy.asking("objects/query", {"objects": objects})

    async def objects_subscribe(
        self, arguments: Mapping[str, Any], caller: Caller
    ) -> dict[str, Any]:
        """Replace the connection's subscription; the answer is its initial state."""
        objects = check_objects(arguments, required=False)
        return await self._subscriptions.subscribe(objects, caller)


def _may_be_offered(name: str) -> bool:
    return name not in NOT_OFFERED and re.fullmatch(_ENDPOINT_NAME, name) is not None
