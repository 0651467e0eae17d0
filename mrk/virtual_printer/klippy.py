"""The whole virtual Klippy: one run of the host process, from startup until a restart ends it.

Built and driven by `nurseries/virtual_printer`: `connect`, `receive`, `advance`, `check_status`,
and `take_outgoing` for what is to be sent. A restart sets `ended`; the next run is a new `Klippy`
over the same `AxisHardware`.
"""

from dataclasses import dataclass
from typing import Any

from mrk.virtual_printer.faults import Fault, FaultCommand
from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.objects.kinematics import AxisHardware
from mrk.virtual_printer.objects.virtual_sdcard import SdcardFolder
from mrk.virtual_printer.printer_model import RECORDED, PrinterModel
from mrk.virtual_printer.printer_objects import PrinterObjects
from mrk.virtual_printer.protocol.endpoints import Endpoints
from mrk.virtual_printer.protocol.status_query import StatusQueries
from mrk.virtual_printer.protocol.webhooks import Outgoing, Webhooks
from mrk.virtual_printer.reactor import Reactor, Task

STARTUP_MESSAGE = (
    "\nPrinter is not ready\nThe klippy host software is attempting to connect.  Please\n"
    "retry in a few moments.\n"
)
READY_MESSAGE = "Printer is ready"
RESTART_ADVICE = (
    '\nOnce the underlying issue is corrected, use the "RESTART"\n'
    "command to reload the config and restart the host software.\nPrinter is halted\n"
)
FIRMWARE_RESTART_ADVICE = (
    '\nOnce the underlying issue is corrected, use the\n"FIRMWARE_RESTART" command to reset the '
    "firmware, reload the\nconfig, and restart the host software.\nPrinter is shutdown\n"
)
SOFTWARE_VERSION = "v0.13.0-730-g84104bbbd"
# One g-code line takes 20 to 60 us here, so that a call stays well below 5 ms.
MAX_STEPS = 40


@dataclass(frozen=True, slots=True)
class KlippySettings:
    """What `info` tells about the host, and what differs from the printer of our recordings.

    `status_interval_s` is real time; `start_error` ends start-up in the state error; `macros` are
    added to the built-in ones and to those of `model`; `generic_fans` adds `fan_generic` objects
    and SET_FAN_SPEED.
    """

    hostname: str = "virtual-printer"
    klipper_path: str = "/home/pi/klipper"
    python_path: str = "/home/pi/klippy-env/bin/python"
    process_id: int = 1
    user_id: int = 0
    group_id: int = 0
    log_file: str = "/home/pi/printer_data/logs/klippy.log"
    config_folder: str = "/home/pi/printer_data/config"
    software_version: str = SOFTWARE_VERSION
    cpu_info: str = "virtual"
    status_interval_s: float = 0.25
    start_error: str = ""
    macros: tuple[MacroSource, ...] = ()
    generic_fans: tuple[str, ...] = ()
    model: PrinterModel = RECORDED


class Klippy:
    """State, reactor, API socket and machine of one run; `now` is eventtime throughout."""

    def __init__(
        self, settings: KlippySettings, folder: SdcardFolder, hardware: AxisHardware, now: float
    ) -> None:
        self.settings = settings
        self.state = "startup"
        self.state_message = STARTUP_MESSAGE
        self.ended: str | None = None
        self._reactor = reactor = Reactor(now)
        self._webhooks = webhooks = Webhooks(reactor)
        self._gcode = gcode = GCode(reactor, self._refusal)
        gcode.outputs.append(webhooks.say)
        self._register_host_commands()
        self._queries = StatusQueries(reactor, webhooks, settings.status_interval_s)
        self._endpoints = Endpoints(webhooks, gcode, self._queries, self.info, self.shutdown)
        self._machine = PrinterObjects(
            reactor, gcode, webhooks, folder, hardware, settings.generic_fans, settings.model
        )
        self._machine.add_objects(self._queries, settings.config_folder, self._webhooks_status)
        self._machine.add_macros(self._queries, settings.macros, self.shutdown)
        self._endpoints.add_machine(self._machine)
        self._faults = FaultCommand(gcode, self.shutdown)

    @property
    def now(self) -> float:
        """Eventtime up to which everything has happened."""
        return self._reactor.now

    def start_up(self) -> None:
        """Leave `startup` for `ready`, or for `error` if the settings say so."""
        if self.state != "startup":
            return
        if self.settings.start_error:
            self.state = "error"
            self.state_message = f"{self.settings.start_error}\n{RESTART_ADVICE}"
            return
        self.state, self.state_message = "ready", READY_MESSAGE
        self._machine.start()
        self._gcode.respond_info("Klipper state: Ready")

    def connect(self) -> int:
        """A new client; its number names it from here on."""
        return self._webhooks.connect()

    def disconnect(self, connection: int) -> None:
        """The client is gone."""
        self._webhooks.disconnect(connection)

    def receive(self, connection: int, frame: bytes) -> None:
        """One frame from a client, without its ETX."""
        self._webhooks.receive(connection, frame)

    def advance(self, to_time: float) -> bool:
        """Let time pass up to `to_time`; True when there is more to do before that.

        One call runs at most `MAX_STEPS` steps, each about one g-code line.
        """
        return self._reactor.advance(to_time, MAX_STEPS)

    def next_at(self) -> float | None:
        """Eventtime of the next thing to happen."""
        return self._reactor.next_at()

    def check_status(self, real_now: float) -> None:
        """Answer queries and push changes if the beat has come; in real time."""
        self._queries.check(real_now)

    def next_status_at(self, real_now: float) -> float | None:
        """Real time of the next beat, None while nobody asks for status."""
        return self._queries.next_at(real_now)

    def take_outgoing(self) -> list[Outgoing]:
        """The messages to send, in order, and forget them."""
        taken, self._webhooks.outgoing = self._webhooks.outgoing, []
        return taken

    def take_faults(self) -> list[Fault]:
        """Faults of the link that were ordered since the last call."""
        taken, self._faults.orders = self._faults.orders, []
        return taken

    def order(self, fault: Fault) -> None:
        """Order a fault as VIRTUAL_FAULT does."""
        self._faults.order(fault)

    def close(self) -> None:
        """Give back the open file."""
        self._machine.sdcard.close()

    def info(self) -> dict[str, Any]:
        """The result of the endpoint `info`."""
        settings = self.settings
        return {
            "state": self.state,
            "state_message": self.state_message,
            "hostname": settings.hostname,
            "klipper_path": settings.klipper_path,
            "python_path": settings.python_path,
            "process_id": settings.process_id,
            "user_id": settings.user_id,
            "group_id": settings.group_id,
            "log_file": settings.log_file,
            "config_file": f"{settings.config_folder}/printer.cfg",
            "software_version": settings.software_version,
            "cpu_info": settings.cpu_info,
        }

    def shutdown(self, reason: str) -> None:
        """Stop everything at once; only a restart leads out."""
        if self.state == "shutdown":
            return
        self.state = "shutdown"
        self.state_message = f"{reason}{FIRMWARE_RESTART_ADVICE}"
        self._machine.shutdown()
        self._gcode.respond_info("Klipper state: Shutdown")

    def _refusal(self) -> str | None:
        return None if self.state == "ready" else self.state_message

    def _webhooks_status(self, _eventtime: float) -> dict[str, Any]:
        return {"state": self.state, "state_message": self.state_message}

    def _register_host_commands(self) -> None:
        register = self._gcode.register
        register("M112", self._cmd_m112, when_not_ready=True)
        register("M115", self._cmd_m115, when_not_ready=True)
        register(
            "RESTART",
            lambda command: self._restart("restart"),
            "Reload config file and restart host software",
            when_not_ready=True,
        )
        register(
            "FIRMWARE_RESTART",
            lambda command: self._restart("firmware_restart"),
            "Restart firmware, host, and reload config",
            when_not_ready=True,
        )
        register("STATUS", self._cmd_status, "Report the printer status", when_not_ready=True)
        register(
            "SAVE_CONFIG",
            lambda command: self._restart("restart"),
            "Overwrite config file and restart",
        )

    def _cmd_m112(self, command: GCodeCommand) -> None:
        self.shutdown("Shutdown due to M112 command")

    def _cmd_m115(self, command: GCodeCommand) -> None:
        self._gcode.respond_info(
            f"FIRMWARE_NAME:Klipper FIRMWARE_VERSION:{self.settings.software_version}"
        )

    def _cmd_status(self, command: GCodeCommand) -> None:
        if self.state != "ready":
            raise CommandError(f"{self.state_message.rstrip()}\nKlipper state: Not ready")
        self._gcode.respond_info("Klipper state: Ready")

    def _restart(self, kind: str) -> Task:
        if self.state == "ready":
            yield from self._machine.come_to_rest()
        # A moment later, so that the reply to the command still goes out before the end.
        self._reactor.call_at(self._reactor.now + 0.005, lambda: self._exit(kind))

    def _exit(self, kind: str) -> None:
        self._gcode.respond_info("Klipper state: Disconnect")
        self.ended = kind
