"""Everything behind the g-code dispatcher: toolhead, heaters, file, and their printer objects.

Builds the parts of one run in the order Klipper would load them and names their status. Owned by
`Klippy`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.gcode.gcode_move import GCodeMove
from mrk.virtual_printer.gcode.macro import GCodeMacros, MacroActions, MacroSource
from mrk.virtual_printer.gcode.motion_and_text import MotionCommands, TextCommands
from mrk.virtual_printer.objects.bed_mesh import BedMesh
from mrk.virtual_printer.objects.display_status import DisplayStatus
from mrk.virtual_printer.objects.exclude_object import ExcludeObject
from mrk.virtual_printer.objects.heaters import Heaters
from mrk.virtual_printer.objects.idle_timeout import IdleTimeout
from mrk.virtual_printer.objects.kinematics import Axes, AxisHardware, extrude_refusal
from mrk.virtual_printer.objects.motion_report import MotionReport
from mrk.virtual_printer.objects.outputs import HotendFan, Outputs
from mrk.virtual_printer.objects.pause_resume import PauseResume
from mrk.virtual_printer.objects.planner import MotionLimits, Move
from mrk.virtual_printer.objects.print_stats import PrintStatsObject
from mrk.virtual_printer.objects.printer_cfg import builtin_macros, config_sections
from mrk.virtual_printer.objects.printer_settings import settings_sections
from mrk.virtual_printer.objects.sensors import HOST_C, Switches, SystemStats, TemperatureSensor
from mrk.virtual_printer.objects.toolhead import Toolhead
from mrk.virtual_printer.objects.virtual_sdcard import SdcardFolder, VirtualSdcard
from mrk.virtual_printer.printer_model import PrinterModel
from mrk.virtual_printer.protocol.status_query import Status, StatusQueries
from mrk.virtual_printer.protocol.webhooks import Webhooks
from mrk.virtual_printer.reactor import Reactor, Task
from mrk.virtual_printer.sensor_noise import SensorNoise

MCU = {
    "mcu_version": "v0.13.0-730-g84104bbbd-virtual",
    "mcu_build_versions": "rules, not gcc",
    "mcu_constants": {
        "ADC_MAX": 4095,
        "CLOCK_FREQ": 50000000,
        "MCU": "linux",
        "PCA9685_MAX": 4096,
        "PWM_MAX": 32768,
        "STATS_SUMSQ_BASE": 256,
        "STEPPER_STEP_BOTH_EDGE": 1,
    },
}
MANUAL_PROBE = {
    "is_active": False,
    "z_position": None,
    "z_position_lower": None,
    "z_position_upper": None,
}


class PrinterObjects:
    """The parts of one run."""

    def __init__(
        self,
        reactor: Reactor,
        gcode: GCode,
        webhooks: Webhooks,
        folder: SdcardFolder,
        hardware: AxisHardware,
        generic_fans: tuple[str, ...],
        model: PrinterModel,
    ) -> None:
        self._model = model
        self._reactor = reactor
        self._gcode = gcode
        self._webhooks = webhooks
        self._folder = folder
        self._toolhead = toolhead = Toolhead(
            reactor,
            MotionLimits(max_z_velocity=model.max_z_velocity, max_z_accel=model.max_z_accel),
        )
        gcode.pace = toolhead.pace
        self._text = TextCommands(gcode, hardware)
        self._heaters = Heaters(reactor, gcode, toolhead, hardware, model.noise_c)
        self._outputs = Outputs(gcode, toolhead, generic_fans)
        self._switches = Switches(gcode)
        self._switches.register_filament()
        self._exclude_object = ExcludeObject(gcode, toolhead)
        self._gcode_move = GCodeMove(gcode, self._exclude_object)
        self._axes = Axes(gcode, toolhead, self._gcode_move, hardware, model.axes)
        toolhead.check = self._check
        self._print_stats = PrintStatsObject(reactor, gcode, self._gcode_move)
        self.sdcard = VirtualSdcard(reactor, gcode, self._print_stats, folder)
        self.sdcard.on_reset.append(self._exclude_object.reset)
        self._pause_resume = PauseResume(gcode, self._gcode_move, self.sdcard)
        self._idle_timeout = IdleTimeout(reactor, gcode, toolhead)
        self._display_status = DisplayStatus(
            reactor, gcode, lambda: self.sdcard.progress, self._is_printing
        )
        self._exclude_object.register()
        self.bed_mesh = BedMesh(reactor, gcode, hardware.mesh_profiles)
        self.motion = MotionCommands(gcode, toolhead, self._axes, self._gcode_move)
        self._report = MotionReport(reactor, toolhead, webhooks)
        self._stats = SystemStats(reactor.now)

    def register_dumps(self) -> None:
        """Add the endpoints of the streams, last in Klipper's order."""
        self._report.register()

    def start(self) -> None:
        """The run is ready."""
        self._idle_timeout.start()

    def shutdown(self) -> None:
        """Everything off at once."""
        self._toolhead.stop()
        self._heaters.shutdown()
        self._outputs.shutdown()
        self.sdcard.shutdown()
        self._gcode_move.reset_last_position()

    def come_to_rest(self) -> Task:
        """What a restart does first: motors off, and wait for what still moves."""
        self._heaters.turn_off()
        self._axes.motors_off()
        self._toolhead.dwell(0.5)
        yield from self._toolhead.wait_moves()

    def add_macros(
        self,
        queries: StatusQueries,
        extra: Iterable[MacroSource],
        emergency_stop: Callable[[str], None],
    ) -> None:
        """Make macros commands and objects."""
        actions = MacroActions(self._gcode, self._webhooks.call_remote_method, emergency_stop)
        actions.register_direct_call()
        macros = GCodeMacros(self._gcode, actions, lambda: list(queries.objects), queries.status)
        for source in (*builtin_macros(), *self._model.macros, *extra):
            macros.add(source)
            queries.objects[f"gcode_macro {source.name}"] = macros.status_of(source.name)
        # The rest of Klipper's list stands behind the macros.
        queries.objects.update(self._late_objects())

    def add_objects(
        self, queries: StatusQueries, config_folder: str, webhooks_status: Callable[[float], Status]
    ) -> None:
        """Name the objects that stand before the macros."""
        bed = self._heaters.bed
        configfile = self._configfile(config_folder)
        noise_c = self._model.noise_c
        chamber = TemperatureSensor(22.0, bed, 0.1, SensorNoise(noise_c, "chamber"))
        host = TemperatureSensor(HOST_C, bed, 0.0, SensorNoise(noise_c, "host"))
        queries.objects.update(
            {
                "gcode": self._gcode.get_status,
                "webhooks": webhooks_status,
                "configfile": lambda eventtime: configfile,
                "mcu": lambda eventtime: {**MCU, "last_stats": self._stats.mcu_stats(eventtime)},
                "heaters": self._heaters.get_status,
                "heater_bed": bed.get_status,
                "fan": self._outputs.fan_status,
                "heater_fan hotend_fan": HotendFan(self._heaters.extruder).get_status,
                **self._pin_objects(),
                "temperature_sensor chamber": chamber.get_status,
                "temperature_host host": lambda eventtime: {
                    "temperature": host.get_status(eventtime)["temperature"]
                },
                "temperature_sensor host": host.get_status,
                "filament_switch_sensor runout": self._switches.filament_status,
                "gcode_button btn": self._switches.button_status,
                "gcode_move": self._gcode_move.get_status,
                "print_stats": self._print_stats.get_status,
                "virtual_sdcard": self.sdcard.get_status,
                "pause_resume": self._pause_resume.get_status,
                "display_status": self._display_status.get_status,
                "exclude_object": self._exclude_object.get_status,
                "save_variables": self._text.variables_status,
                "idle_timeout": self._idle_timeout.get_status,
                "bed_mesh": self.bed_mesh.get_status,
            }
        )

    def _late_objects(self) -> dict[str, Callable[[float], Status]]:
        return {
            "query_endstops": lambda eventtime: {"last_query": dict(self.motion.last_query)},
            "stepper_enable": lambda eventtime: {"steppers": dict(self._axes.enabled)},
            "motion_report": self._report.get_status,
            "toolhead": self._toolhead_status,
            "extruder": self._extruder_status,
            "system_stats": self._stats.get_status,
            "manual_probe": lambda eventtime: dict(MANUAL_PROBE),
        }

    def _pin_objects(self) -> dict[str, Callable[[float], Status]]:
        outputs = self._outputs

        def pin(name: str) -> Callable[[float], Status]:
            return lambda eventtime: {"value": outputs.pins[name]}

        def fan(name: str) -> Callable[[float], Status]:
            return lambda eventtime: {"speed": outputs.generic_fans[name], "rpm": None}

        return {
            **{f"fan_generic {name}": fan(name) for name in outputs.generic_fans},
            **{f"output_pin {name}": pin(name) for name in outputs.pins},
        }

    def _configfile(self, config_folder: str) -> Status:
        gcodes = self._folder.path
        return {
            "config": config_sections(gcodes, config_folder, self._model),
            "warnings": [],
            "save_config_pending": False,
            "save_config_pending_items": {},
            "settings": settings_sections(gcodes, config_folder, self._model),
        }

    def _toolhead_status(self, eventtime: float) -> dict[str, Any]:
        return {**self._axes.get_status(eventtime), **self._toolhead.get_status(eventtime)}

    def _extruder_status(self, eventtime: float) -> dict[str, Any]:
        extruder = self._heaters.extruder
        return {
            **extruder.get_status(eventtime),
            "can_extrude": extruder.can_extrude,
            "pressure_advance": self.motion.pressure_advance,
            "smooth_time": self.motion.smooth_time,
            "motion_queue": None,
        }

    def _is_printing(self) -> bool:
        return self._idle_timeout.state == "Printing"

    def _check(self, move: Move) -> None:
        self._axes.check(move)
        extrude_refusal(move, self._model, can_extrude=self._heaters.extruder.can_extrude)
