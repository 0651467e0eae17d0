"""Fans and pins: what g-code switches at the end of queued moves. Owned by `Klippy`.

Status as of Klipper's `fan`, `heater_fan` and `output_pin`; nothing here turns a wheel.
"""

from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.heaters import Heater
from mrk.virtual_printer.objects.toolhead import Toolhead

HOTEND_FAN_FROM_C = 50.0


class Outputs:
    """The part fan, generic fans and output pins, each a number from 0 to 1."""

    def __init__(self, gcode: GCode, toolhead: Toolhead, generic_fans: tuple[str, ...]) -> None:
        self._toolhead = toolhead
        self.fan_speed = 0.0
        self.pins = {"caselight": 0.0, "relay": 0.0}
        self._pwm_pins = frozenset({"caselight"})
        self.generic_fans = dict.fromkeys(generic_fans, 0.0)
        gcode.register("M106", self._cmd_m106)
        gcode.register("M107", lambda command: self._set_fan(0.0))
        gcode.register("SET_PIN", self._cmd_set_pin, "Set the value of an output pin")
        if generic_fans:
            gcode.register("SET_FAN_SPEED", self._cmd_fan_speed, "Sets the speed of a fan")

    def fan_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `fan`."""
        return {"speed": self.fan_speed, "rpm": None}

    def shutdown(self) -> None:
        """What a shutdown leaves running: nothing."""
        self.fan_speed = 0.0
        self.pins = dict.fromkeys(self.pins, 0.0)

    def _cmd_m106(self, command: GCodeCommand) -> None:
        self._set_fan(min(command.get_float("S", 255.0, minimum=0.0) / 255.0, 1.0))

    def _set_fan(self, speed: float) -> None:
        def apply(_print_time: float) -> None:
            self.fan_speed = speed

        self._toolhead.after_moves(apply)

    def _cmd_set_pin(self, command: GCodeCommand) -> None:
        name = command.get("PIN")
        if name not in self.pins:
            raise CommandError(f"The value '{name}' is not valid for PIN")
        value = command.get_float("VALUE", minimum=0.0, maximum=1.0)
        if name not in self._pwm_pins and value not in (0.0, 1.0):
            raise CommandError("Invalid pin value")

        def apply(_print_time: float) -> None:
            self.pins[name] = value

        self._toolhead.after_moves(apply)

    def _cmd_fan_speed(self, command: GCodeCommand) -> None:
        name = command.get("FAN")
        if name not in self.generic_fans:
            raise CommandError(f"The value '{name}' is not valid for FAN")
        speed = command.get_float("SPEED", 0.0, minimum=0.0, maximum=1.0)

        def apply(_print_time: float) -> None:
            self.generic_fans[name] = speed

        self._toolhead.after_moves(apply)


class HotendFan:
    """`heater_fan hotend_fan`: full speed while the hotend is hot or told to be."""

    def __init__(self, heater: Heater) -> None:
        self._heater = heater

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `heater_fan hotend_fan`."""
        hot = bool(self._heater.target) or self._heater.temperature > HOTEND_FAN_FROM_C
        return {"speed": 1.0 if hot else 0.0, "rpm": None}
