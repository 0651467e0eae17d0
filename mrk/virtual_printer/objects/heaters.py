"""Heaters with inertia: a first-order body, its control, and the waiting for a temperature.

Heat flows as dT/dt = power * rate - (T - ambient) / tau, solved exactly between control steps of
0.3 s. Temperatures live in `AxisHardware`, so they outlast a RESTART. Owned by `Klippy`.
"""

import math
from dataclasses import dataclass
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.objects.kinematics import AMBIENT_C, AxisHardware
from mrk.virtual_printer.objects.toolhead import Toolhead
from mrk.virtual_printer.reactor import Reactor, Task
from mrk.virtual_printer.sensor_noise import SensorNoise

CONTROL_S = 0.3


@dataclass(frozen=True, slots=True)
class HeaterModel:
    """`rate` in degrees per second at full power, `tau_s` the time of cooling to 1/e.

    `gain` is power per degree of error, on top of the power that holds the target; without it the
    heater is switched, `max_delta` degrees to either side.
    """

    rate: float
    tau_s: float
    max_temp: float
    gcode_id: str
    gain: float = 0.0
    max_delta: float = 1.0
    min_extrude_temp: float | None = None


EXTRUDER = HeaterModel(9.6, 43.0, 300.0, "T0", gain=0.1, min_extrude_temp=170.0)
HEATER_BED = HeaterModel(4.5, 110.0, 130.0, "B")


class Heater:
    """One heater: its power lies between 0 and 1; `noise` disturbs what clients are shown."""

    def __init__(
        self,
        name: str,
        model: HeaterModel,
        hardware: AxisHardware,
        now: float,
        noise: SensorNoise,
    ) -> None:
        self.name = name
        self._noise = noise
        self.model = model
        self.target = 0.0
        self.power = 0.0
        self._hardware = hardware
        self._at = now
        self._slope = 0.0

    @property
    def temperature(self) -> float:
        """Degrees C now, as of the last `heat`."""
        return self._hardware.temperatures[self.name]

    def set_temperature(self, degrees: float) -> None:
        """A new target; outside the range it is refused."""
        if degrees and not 0.0 <= degrees <= self.model.max_temp:
            raise CommandError(
                f"Requested temperature ({degrees:.1f}) out of range "
                f"(0.0:{self.model.max_temp:.1f})"
            )
        self.target = degrees

    def heat(self, now: float) -> None:
        """Let the body follow its power up to `now`."""
        elapsed = now - self._at
        if elapsed <= 0.0:
            return
        self._at = now
        model = self.model
        resting = AMBIENT_C + self.power * model.rate * model.tau_s
        before = self.temperature
        after = resting + (before - resting) * math.exp(-elapsed / model.tau_s)
        self._hardware.temperatures[self.name] = after
        self._slope = (after - before) / elapsed

    def control(self, now: float) -> None:
        """Follow the body and choose the power for the next step."""
        self.heat(now)
        if not self.target:
            self.power = 0.0
        elif self.model.gain:
            self.power = self._proportional()
        elif self.temperature >= self.target + self.model.max_delta:
            self.power = 0.0
        elif self.temperature <= self.target - self.model.max_delta:
            self.power = 1.0

    def _proportional(self) -> float:
        model = self.model
        holding = (self.target - AMBIENT_C) / (model.rate * model.tau_s)
        wanted = holding + model.gain * (self.target - self.temperature)
        return min(max(wanted, 0.0), 1.0)

    @property
    def is_busy(self) -> bool:
        """Whether a wait for this heater goes on."""
        if self.model.gain:
            return abs(self.target - self.temperature) > 1.0 or abs(self._slope) > 0.1
        return self.temperature < self.target - self.model.max_delta

    @property
    def can_extrude(self) -> bool:
        """Whether filament may be pushed."""
        least = self.model.min_extrude_temp
        return least is not None and self.temperature >= least

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object of the heater; the extruder adds its own fields."""
        self.heat(eventtime)
        status = {
            "temperature": round(self.temperature + self._noise.at(eventtime), 2),
            "target": self.target,
            "power": self.power,
        }
        return status


class Heaters:
    """All heaters and their commands; `get_status` is the object `heaters`."""

    def __init__(
        self,
        reactor: Reactor,
        gcode: GCode,
        toolhead: Toolhead,
        hardware: AxisHardware,
        noise_c: float,
    ) -> None:
        self._reactor = reactor
        self._gcode = gcode
        self._toolhead = toolhead

        def heater(name: str, model: HeaterModel) -> Heater:
            return Heater(name, model, hardware, reactor.now, SensorNoise(noise_c, name))

        self.bed = heater("heater_bed", HEATER_BED)
        self.extruder = heater("extruder", EXTRUDER)
        self.heaters = {"heater_bed": self.bed, "extruder": self.extruder}
        self.is_shutdown = False
        self._register()
        reactor.spawn(self._control())

    def _register(self) -> None:
        register = self._gcode.register
        register("TURN_OFF_HEATERS", self._cmd_turn_off, "Turn off all heaters")
        register("M105", self._cmd_m105)
        register("SET_HEATER_TEMPERATURE", self._cmd_set, "Sets a heater temperature")
        register("TEMPERATURE_WAIT", self._cmd_wait, "Wait for a temperature on a sensor")
        register("M140", lambda command: self._set(command, self.bed))
        register("M190", lambda command: self._set_and_wait(command, self.bed))
        register("M104", lambda command: self._set(command, self.extruder))
        register("M109", lambda command: self._set_and_wait(command, self.extruder))

    def _control(self) -> Task:
        while True:
            for heater in self.heaters.values():
                heater.control(self._reactor.now)
            yield self._reactor.now + CONTROL_S

    def turn_off(self) -> None:
        """All targets to zero."""
        for heater in self.heaters.values():
            heater.set_temperature(0.0)

    def shutdown(self) -> None:
        """Cut all power at once and end every wait."""
        self.is_shutdown = True
        for heater in self.heaters.values():
            heater.target = heater.power = 0.0

    def report(self) -> str:
        """The line M105 and the waits print."""
        ordered = sorted(self.heaters.values(), key=lambda heater: heater.model.gcode_id)
        parts = [f"{h.model.gcode_id}:{h.temperature:.1f} /{h.target:.1f}" for h in ordered]
        return " ".join(parts)

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `heaters`."""
        return {
            "available_heaters": list(self.heaters),
            "available_sensors": [
                "heater_bed",
                "temperature_sensor chamber",
                "temperature_sensor host",
                "extruder",
            ],
            "available_monitors": [],
        }

    def _set(self, command: GCodeCommand, heater: Heater) -> None:
        degrees = command.get_float("S", 0.0)
        heater.set_temperature(degrees)
        self._toolhead.after_moves(lambda print_time: None)

    def _set_and_wait(self, command: GCodeCommand, heater: Heater) -> Task:
        self._set(command, heater)
        if heater.target:
            yield from self._wait(heater)

    def _wait(self, heater: Heater) -> Task:
        while heater.is_busy and not self.is_shutdown:
            self._toolhead.last_move_time()
            self._gcode.respond_raw(self.report())
            yield self._reactor.now + 1.0

    def _cmd_turn_off(self, command: GCodeCommand) -> None:
        self.turn_off()

    def _cmd_m105(self, command: GCodeCommand) -> None:
        self._gcode.respond_raw(self.report())

    def _cmd_set(self, command: GCodeCommand) -> None:
        name = command.get("HEATER")
        heater = self.heaters.get(name)
        if heater is None:
            raise CommandError(f"The value '{name}' is not valid for HEATER")
        heater.set_temperature(command.get_float("TARGET", 0.0))
        self._toolhead.after_moves(lambda print_time: None)

    def _cmd_wait(self, command: GCodeCommand) -> Task:
        name = command.get("SENSOR")
        heater = self.heaters.get(name)
        if heater is None:
            raise CommandError(f"Unknown sensor '{name}'")
        least = command.get_optional("MINIMUM")
        most = command.get_optional("MAXIMUM")
        if least is None and most is None:
            raise CommandError(
                "Error on 'TEMPERATURE_WAIT': missing MINIMUM or MAXIMUM temperature."
            )
        return self._wait_between(heater, least, most)

    def _wait_between(self, heater: Heater, least: float | None, most: float | None) -> Task:
        while not self.is_shutdown:
            degrees = heater.temperature
            if (least is None or degrees >= least) and (most is None or degrees <= most):
                return
            self._toolhead.last_move_time()
            self._gcode.respond_raw(self.report())
            yield self._reactor.now + 1.0
