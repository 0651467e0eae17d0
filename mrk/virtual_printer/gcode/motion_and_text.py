"""Commands that belong to no other object: motion limits, motors, endstops, arcs, texts, variables.

Owned by `Klippy`. Commands in `WITHOUT_EFFECT` are known and accepted and do nothing here.
"""

import math
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand, read_literal
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.gcode.gcode_move import GCodeMove
from mrk.virtual_printer.objects.kinematics import STEPPERS, Axes, AxisHardware
from mrk.virtual_printer.objects.toolhead import Toolhead
from mrk.virtual_printer.reactor import Task

WITHOUT_EFFECT = {
    "QUERY_ADC": "Report the last value of an analog pin",
    "PID_CALIBRATE": "Run PID calibration test",
    "STEPPER_BUZZ": "Oscillate a given stepper to help id it",
    "FORCE_MOVE": "Manually move a stepper; invalidates kinematics",
    "SET_EXTRUDER_ROTATION_DISTANCE": "Set extruder rotation distance",
    "SYNC_EXTRUDER_MOTION": "Set extruder stepper motion queue",
    "ACTIVATE_EXTRUDER": "Change the active extruder",
    "MANUAL_PROBE": "Start manual probe helper script",
    "Z_ENDSTOP_CALIBRATE": "Calibrate a Z endstop",
    "Z_OFFSET_APPLY_ENDSTOP": "Adjust the z endstop_position",
    "TUNING_TOWER": "Tool to adjust a parameter at each Z height",
}
ARC_STEP_MM = 1.0
_PREFIXES = {"echo": "echo:", "command": "//", "error": "!!"}


class MotionCommands:
    """G4, M400, limits, motors, endstops and arcs."""

    def __init__(self, gcode: GCode, toolhead: Toolhead, axes: Axes, gcode_move: GCodeMove) -> None:
        self._gcode = gcode
        self._toolhead = toolhead
        self._axes = axes
        self._gcode_move = gcode_move
        self.last_query = {"stepper_x": 0, "stepper_y": 0, "stepper_z": 0}
        self.pressure_advance = 0.0
        self.smooth_time = 0.04
        self._register()

    def _register(self) -> None:
        register = self._gcode.register
        register("G4", self._cmd_g4)
        register("M400", lambda command: self._toolhead.wait_moves())
        register("M204", self._cmd_m204)
        register("SET_VELOCITY_LIMIT", self._cmd_limit, "Set printer velocity limits")
        register("SET_PRESSURE_ADVANCE", self._cmd_advance, "Set pressure advance parameters")
        register("M18", lambda command: self._axes.motors_off())
        register("M84", lambda command: self._axes.motors_off())
        register(
            "SET_STEPPER_ENABLE", self._cmd_enable, "Enable/disable individual stepper by name"
        )
        register("QUERY_ENDSTOPS", self._cmd_endstops, "Report on the status of each endstop")
        register("M119", self._cmd_endstops)
        register(
            "GET_POSITION",
            self._cmd_position,
            "Return information on the current location of the toolhead",
        )
        register(
            "SET_KINEMATIC_POSITION", self._cmd_kinematic, "Force a low-level kinematic position"
        )
        register("G2", lambda command: self._cmd_arc(command, clockwise=True))
        register("G3", lambda command: self._cmd_arc(command, clockwise=False))
        for name in ("G17", "G18", "G19"):
            register(name, lambda command: None)
        for name, text in WITHOUT_EFFECT.items():
            register(name, lambda command: None, text)

    def query_endstops(self) -> dict[str, bool]:
        """Look at the endstops at the end of queued moves."""
        self._toolhead.last_move_time()
        found = self._axes.endstops()
        self.last_query = {name: int(triggered) for name, triggered in found.items()}
        return found

    def _cmd_g4(self, command: GCodeCommand) -> None:
        self._toolhead.dwell(command.get_float("P", 0.0, minimum=0.0) / 1000.0)

    def _cmd_m204(self, command: GCodeCommand) -> None:
        accel = command.get_optional("S")
        if accel is None:
            given = [command.get_optional("P"), command.get_optional("T")]
            if None in given:
                self._gcode.respond_info(f'Invalid M204 command "{command.line}"')
                return
            accel = min(value for value in given if value is not None)
        self._toolhead.limits.max_accel = _positive(command, "S", accel)

    def _cmd_limit(self, command: GCodeCommand) -> None:
        limits = self._toolhead.limits
        if "VELOCITY" in command.params:
            limits.max_velocity = command.get_float("VELOCITY", above=0.0)
        if "ACCEL" in command.params:
            limits.max_accel = command.get_float("ACCEL", above=0.0)
        if "SQUARE_CORNER_VELOCITY" in command.params:
            limits.square_corner_velocity = command.get_float("SQUARE_CORNER_VELOCITY", minimum=0.0)
        if "MINIMUM_CRUISE_RATIO" in command.params:
            limits.minimum_cruise_ratio = command.get_float("MINIMUM_CRUISE_RATIO", minimum=0.0)
        self._gcode.respond_info(
            f"max_velocity: {limits.max_velocity:.6f}\nmax_accel: {limits.max_accel:.6f}\n"
            f"minimum_cruise_ratio: {limits.minimum_cruise_ratio:.6f}\n"
            f"square_corner_velocity: {limits.square_corner_velocity:.6f}"
        )

    def _cmd_advance(self, command: GCodeCommand) -> None:
        self.pressure_advance = command.get_float("ADVANCE", self.pressure_advance, minimum=0.0)
        self.smooth_time = command.get_float(
            "SMOOTH_TIME", self.smooth_time, minimum=0.0, maximum=0.2
        )
        self._gcode.respond_info(
            f"pressure_advance: {self.pressure_advance:.6f}\n"
            f"pressure_advance_smooth_time: {self.smooth_time:.6f}"
        )

    def _cmd_enable(self, command: GCodeCommand) -> None:
        name = command.params.get("STEPPER", "")
        if name not in STEPPERS:
            self._gcode.respond_info(f'SET_STEPPER_ENABLE: Invalid stepper "{name}"')
            return
        self._toolhead.last_move_time()
        self._axes.enabled[name] = bool(command.get_int("ENABLE", 1))

    def _cmd_endstops(self, command: GCodeCommand) -> None:
        found = self.query_endstops()
        self._gcode.respond_raw(
            " ".join(f"{name}:{'TRIGGERED' if hit else 'open'}" for name, hit in found.items())
        )

    def _cmd_position(self, command: GCodeCommand) -> None:
        x, y, z, e = self._toolhead.position
        steps = (
            f"stepper_x:{round(x / 0.05)} stepper_y:{round(y / 0.05)} stepper_z:{round(z / 0.01)}"
        )
        status = self._gcode_move.get_status(0.0)
        origin = status["homing_origin"]
        at = status["gcode_position"]
        base = [a - b for a, b in zip(status["position"], at, strict=True)]
        self._gcode.respond_info(
            f"mcu: {steps}\n"
            f"stepper: stepper_x:{x:.6f} stepper_y:{y:.6f} stepper_z:{z:.6f}\n"
            f"kinematic: X:{x:.6f} Y:{y:.6f} Z:{z:.6f}\n"
            f"toolhead: X:{x:.6f} Y:{y:.6f} Z:{z:.6f} E:{e:.6f}\n"
            f"gcode: X:{at[0]:.6f} Y:{at[1]:.6f} Z:{at[2]:.6f} E:{at[3]:.6f}\n"
            f"gcode base: X:{base[0]:.6f} Y:{base[1]:.6f} Z:{base[2]:.6f} E:{base[3]:.6f}\n"
            f"gcode homing: X:{origin[0]:.6f} Y:{origin[1]:.6f} Z:{origin[2]:.6f}"
        )

    def _cmd_kinematic(self, command: GCodeCommand) -> None:
        x, y, z, e = self._toolhead.position
        self._toolhead.last_move_time()
        self._toolhead.set_position(
            (command.get_float("X", x), command.get_float("Y", y), command.get_float("Z", z), e)
        )
        self._axes.force_homed("xyz")
        self._gcode_move.reset_last_position()

    def _cmd_arc(self, command: GCodeCommand, *, clockwise: bool) -> Task:
        """An arc in the XY plane as short lines, run like G1."""
        x, y, z, e = self._gcode_move.gcode_position()
        end_x, end_y = command.get_float("X", x), command.get_float("Y", y)
        end_z = command.get_float("Z", z)
        i, j = command.get_float("I", 0.0), command.get_float("J", 0.0)
        if not i and not j:
            raise CommandError("G2/G3 requires IJ, IK or JK parameters")
        start = math.atan2(-j, -i)
        turn = math.atan2(end_y - y - j, end_x - x - i) - start
        if clockwise and turn >= -1e-9:
            turn -= 2 * math.pi
        elif not clockwise and turn <= 1e-9:
            turn += 2 * math.pi
        count = max(1, int(abs(turn) * math.hypot(i, j) / ARC_STEP_MM))
        filament = command.get_optional("E")
        feed = f" F{command.params['F']}" if "F" in command.params else ""
        absolute = self._gcode_move.get_status(0.0)["absolute_extrude"]
        lines = []
        for step in range(1, count + 1):
            share = step / count
            angle = start + turn * share
            place_x = x + i + math.hypot(i, j) * math.cos(angle)
            place_y = y + j + math.hypot(i, j) * math.sin(angle)
            if step == count:
                place_x, place_y = end_x, end_y
            line = f"G1 X{place_x:.6f} Y{place_y:.6f} Z{z + (end_z - z) * share:.6f}{feed}"
            if filament is not None:
                amount = e + (filament - e) * share if absolute else filament / count
                line += f" E{amount:.6f}"
            lines.append(line)
        return self._gcode.run_lines(lines)


class TextCommands:
    """RESPOND, M118, ECHO, HELP and SAVE_VARIABLE."""

    def __init__(self, gcode: GCode, hardware: AxisHardware) -> None:
        self._gcode = gcode
        self._hardware = hardware
        register = gcode.register
        register("M110", lambda command: None, when_not_ready=True)
        register("ECHO", lambda command: gcode.respond_info(command.line), when_not_ready=True)
        register(
            "HELP",
            self._cmd_help,
            "Report the list of available extended G-Code commands",
            when_not_ready=True,
        )
        register("M118", lambda command: gcode.respond_raw(f"echo: {command.rest}"))
        register("RESPOND", self._cmd_respond, "Echo the message prepended with a prefix")
        register("SAVE_VARIABLE", self._cmd_save, "Save arbitrary variables to disk")

    def variables_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `save_variables`."""
        return {"variables": dict(self._hardware.variables)}

    def _cmd_help(self, command: GCodeCommand) -> None:
        lines = [f"{name:<10}: {text}" for name, text in sorted(self._gcode.help_texts().items())]
        self._gcode.respond_info("\n".join(["Available extended commands:", *lines]))

    def _cmd_respond(self, command: GCodeCommand) -> None:
        kind = command.get("TYPE", "echo").lower()
        if kind not in (*_PREFIXES, "echo_no_space"):
            raise CommandError(
                f"RESPOND TYPE '{kind}' is invalid. Must be one of 'echo', 'command', or 'error'"
            )
        prefix = command.get("PREFIX", _PREFIXES.get(kind, "echo:"))
        space = "" if kind == "echo_no_space" else " "
        self._gcode.respond_raw(f"{prefix}{space}{command.get('MSG', '')}")

    def _cmd_save(self, command: GCodeCommand) -> None:
        name = command.get("VARIABLE")
        if name.lower() != name:
            raise CommandError("VARIABLE must not contain upper case")
        self._hardware.variables[name] = read_literal(command.get("VALUE"))


def _positive(command: GCodeCommand, name: str, value: float) -> float:
    if value <= 0.0:
        raise CommandError(f"Error on '{command.line}': {name} must be above 0.0")
    return value
