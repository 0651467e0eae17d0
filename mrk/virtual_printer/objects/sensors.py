"""Things that only measure: temperatures of chamber and host, filament switch, button, system load.

Values follow virtual time, so that a repeated run shows the same. Owned by `Klippy`.
"""

import math
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.heaters import Heater
from mrk.virtual_printer.objects.kinematics import AMBIENT_C
from mrk.virtual_printer.sensor_noise import SensorNoise

HOST_C = 42.0


class TemperatureSensor:
    """A sensor with its extremes; `share` of the bed's excess heat reaches it."""

    def __init__(self, base_c: float, bed: Heater, share: float, noise: SensorNoise) -> None:
        self._noise = noise
        self._base_c = base_c
        self._bed = bed
        self._share = share
        self._lowest: float | None = None
        self._highest: float | None = None

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object `temperature_sensor NAME`."""
        warmth = self._share * (self._bed.temperature - AMBIENT_C)
        drift = 0.1 * math.sin(eventtime / 60.0)
        now = round(self._base_c + warmth + drift + self._noise.at(eventtime), 2)
        self._lowest = now if self._lowest is None else min(now, self._lowest)
        self._highest = now if self._highest is None else max(now, self._highest)
        return {
            "temperature": now,
            "measured_min_temp": self._lowest,
            "measured_max_temp": self._highest,
        }


class Switches:
    """The filament sensor and the button, which g-code can ask for."""

    def __init__(self, gcode: GCode) -> None:
        self._gcode = gcode
        self.filament_detected = True
        self._filament_enabled = True
        self._pressed = False

    def register_filament(self) -> None:
        """Add the filament sensor's commands."""
        register = self._gcode.register
        register(
            "QUERY_FILAMENT_SENSOR", self._cmd_query, "Query the status of the Filament Sensor"
        )
        register("SET_FILAMENT_SENSOR", self._cmd_set, "Sets the filament sensor on/off")
        register("QUERY_BUTTON", self._cmd_button, "Report on the state of a button")

    def filament_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `filament_switch_sensor runout`."""
        return {"filament_detected": self.filament_detected, "enabled": self._filament_enabled}

    def button_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `gcode_button btn`."""
        return {"state": "PRESSED" if self._pressed else "RELEASED"}

    def _cmd_query(self, command: GCodeCommand) -> None:
        name = _named(command, "SENSOR", "runout")
        found = "filament detected" if self.filament_detected else "filament not detected"
        self._gcode.respond_info(f"Filament Sensor {name}: {found}")

    def _cmd_set(self, command: GCodeCommand) -> None:
        _named(command, "SENSOR", "runout")
        self._filament_enabled = bool(command.get_int("ENABLE", 1))

    def _cmd_button(self, command: GCodeCommand) -> None:
        name = _named(command, "BUTTON", "btn")
        self._gcode.respond_info(f"{name}: {self.button_status(0.0)['state']}")


class SystemStats:
    """`system_stats` and `mcu.last_stats`, which change about once a second."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object `system_stats`."""
        seconds = math.floor(eventtime - self._started_at)
        return {
            "sysload": 0.18 + 0.01 * (seconds // 5 % 4),
            "cputime": 0.19 + 0.012 * seconds,
            "memavail": 24171356,
        }

    def mcu_stats(self, eventtime: float) -> dict[str, Any]:
        """The member `last_stats` of the object `mcu`."""
        seconds = math.floor(eventtime - self._started_at)
        return {
            "mcu_awake": 0.002,
            "mcu_task_avg": 0.000012,
            "mcu_task_stddev": 0.000009,
            "bytes_write": 1358 + 310 * seconds,
            "bytes_read": 5793 + 1040 * seconds,
            "bytes_retransmit": 9,
            "bytes_invalid": 0,
            "send_seq": 143 + 30 * seconds,
            "receive_seq": 143 + 30 * seconds,
            "retransmit_seq": 2,
            "srtt": 0.001,
            "rttvar": 0.0,
            "rto": 0.025,
            "ready_bytes": 0,
            "upcoming_bytes": 0,
            "freq": 50001075,
        }


def _named(command: GCodeCommand, parameter: str, known: str) -> str:
    name = command.get(parameter)
    if name != known:
        raise CommandError(f"The value '{name}' is not valid for {parameter}")
    return name
