"""The endpoints of Klippy's API socket that are not about status (`klippy/webhooks.py`).

Each runs through the same g-code mutex as the terminal. Owned by `Klippy`.
"""

from collections.abc import Callable
from typing import Any

from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.printer_objects import PrinterObjects
from mrk.virtual_printer.protocol.status_query import StatusQueries
from mrk.virtual_printer.protocol.webhooks import Reply, Result, Webhooks, WebRequest


class Endpoints:
    """Registers in Klipper's order, which `list_endpoints` shows."""

    def __init__(
        self,
        webhooks: Webhooks,
        gcode: GCode,
        queries: StatusQueries,
        info: Callable[[], dict[str, Any]],
        shutdown: Callable[[str], None],
    ) -> None:
        self._gcode = gcode
        self._info = info
        self._shutdown = shutdown
        self._webhooks = webhooks
        webhooks.register("info", self._host_info)
        webhooks.register("emergency_stop", self._emergency_stop)
        webhooks.register_host_endpoints()
        webhooks.register("gcode/help", lambda request: gcode.help_texts())
        webhooks.register("gcode/script", self._script)
        webhooks.register("gcode/restart", lambda request: self._run("RESTART"))
        webhooks.register("gcode/firmware_restart", lambda request: self._run("FIRMWARE_RESTART"))
        webhooks.register("gcode/subscribe_output", webhooks.subscribe_output)
        queries.register()
        for name, command in (("cancel", "CANCEL_PRINT"), ("pause", "PAUSE"), ("resume", "RESUME")):
            self._register_command(f"pause_resume/{name}", command)

    def add_machine(self, machine: PrinterObjects) -> None:
        """Add the endpoints that ask the machine."""
        webhooks = self._webhooks
        webhooks.register("bed_mesh/dump_mesh", lambda request: self._dump_mesh(request, machine))
        webhooks.register("query_endstops/status", lambda request: self._endstops(machine))
        machine.register_dumps()

    def _register_command(self, path: str, command: str) -> None:
        self._webhooks.register(path, lambda request: self._run(command))

    def _host_info(self, request: WebRequest) -> Result:
        request.get_dict("client_info", None)
        return self._info()

    def _emergency_stop(self, request: WebRequest) -> Result:
        self._shutdown("Shutdown due to webhooks request")
        return {}

    def _script(self, request: WebRequest) -> Reply:
        return self._run(request.get_str("script"))

    def _run(self, script: str) -> Reply:
        yield from self._gcode.run_script(script)
        return {}

    def _endstops(self, machine: PrinterObjects) -> Reply:
        yield from self._gcode.mutex.acquire()
        try:
            found = machine.motion.query_endstops()
        finally:
            self._gcode.mutex.release()
        return {name: "TRIGGERED" if hit else "open" for name, hit in found.items()}

    def _dump_mesh(self, request: WebRequest, machine: PrinterObjects) -> Result:
        request.get_dict("mesh_args", {})
        return machine.bed_mesh.dump()
