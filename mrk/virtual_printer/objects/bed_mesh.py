"""The bed's shape: a small fixed hill, probed and interpolated as `bed_mesh` shows it.

Shapes of `klippy/extras/bed_mesh.py`; moves are not bent by it. Owned by `Klippy`; profiles live
in `Hardware`, as SAVE_CONFIG would keep them.
"""

import itertools
import json
import math
from typing import Any

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode
from mrk.virtual_printer.reactor import Reactor, Task

Matrix = list[list[float]]
MESH_MIN, MESH_MAX, COUNT, PER_SEGMENT = 10.0, 200.0, 4, 2
PROBE_S = 1.5


class BedMesh:
    """The active mesh, if any, and the saved profiles."""

    def __init__(self, reactor: Reactor, gcode: GCode, profiles: dict[str, Any]) -> None:
        self._reactor = reactor
        self._gcode = gcode
        self._profiles = profiles
        self._active = ""
        self._probed: Matrix = [[]]
        register = gcode.register
        register("BED_MESH_CALIBRATE", self._cmd_calibrate, "Perform Mesh Bed Leveling")
        register("BED_MESH_PROFILE", self._cmd_profile, "Bed Mesh Persistent Storage management")
        register(
            "BED_MESH_OUTPUT", self._cmd_output, "Retrieve interpolated grid of probed z-points"
        )
        register("BED_MESH_MAP", self._cmd_map, "Serialize mesh and output to terminal")
        register("BED_MESH_CLEAR", self._cmd_clear, "Clear the Mesh so no z-adjustment is made")
        register("BED_MESH_OFFSET", lambda command: None, "Add X/Y offsets to the mesh lookup")

    @property
    def _has_mesh(self) -> bool:
        return self._probed != [[]]

    def get_status(self, _eventtime: float) -> dict[str, Any]:
        """The object `bed_mesh`."""
        low, high = ([MESH_MIN] * 2, [MESH_MAX] * 2) if self._has_mesh else ([0.0] * 2, [0.0] * 2)
        return {
            "profile_name": self._active,
            "mesh_min": low,
            "mesh_max": high,
            "probed_matrix": self._probed,
            "mesh_matrix": _interpolated(self._probed) if self._has_mesh else [[]],
            "profiles": dict(self._profiles),
        }

    def dump(self) -> dict[str, Any]:
        """The result of the endpoint `bed_mesh/dump_mesh`."""
        current: dict[str, Any] = {}
        if self._has_mesh:
            current = {
                "name": self._active,
                "probed_matrix": self._probed,
                "mesh_matrix": _interpolated(self._probed),
                "mesh_params": _params(),
            }
        points = [[_place(col), _place(row)] for row in range(COUNT) for col in range(COUNT)]
        calibration = {
            "points": points,
            "config": _params(),
            "probe_path": points,
            "rapid_path": points,
        }
        return {"current_mesh": current, "profiles": self._profiles, "calibration": calibration}

    def _cmd_calibrate(self, command: GCodeCommand) -> Task:
        name = command.get("PROFILE", "default")
        self._active, self._probed = "", [[]]
        yield self._reactor.now + PROBE_S * COUNT * COUNT
        self._probed = [
            [_height(_place(col), _place(row)) for col in range(COUNT)] for row in range(COUNT)
        ]
        self._gcode.respond_info("Mesh Bed Leveling Complete")
        self._save(name)
        self._active = name

    def _save(self, name: str) -> None:
        self._profiles[name] = {"points": self._probed, "mesh_params": _params()}
        self._gcode.respond_info(
            f"Bed Mesh state has been saved to profile [{name}]\nfor the current session.  "
            "The SAVE_CONFIG command will\nupdate the printer config file and restart the printer."
        )

    def _cmd_profile(self, command: GCodeCommand) -> None:
        for action in ("LOAD", "SAVE", "REMOVE"):
            if action in command.params:
                name = command.get(action).strip()
                break
        else:
            self._gcode.respond_info(f"Invalid syntax '{command.line}'")
            return
        if action == "SAVE":
            if not self._has_mesh:
                self._gcode.respond_info(
                    f"Unable to save to profile [{name}], the bed has not been probed"
                )
                return
            self._save(name)
            self._active = name
        elif name not in self._profiles:
            raise CommandError(f"bed_mesh: Unknown profile [{name}]")
        elif action == "LOAD":
            self._active, self._probed = name, self._profiles[name]["points"]
        else:
            del self._profiles[name]

    def _cmd_output(self, command: GCodeCommand) -> None:
        if not self._has_mesh:
            self._gcode.respond_info("Bed has not been probed")
            return
        rows = ["  ".join(f"{z:f}" for z in row) for row in _interpolated(self._probed)]
        self._gcode.respond_info("Mesh Leveling Probed Z positions:\n" + "\n".join(rows))

    def _cmd_map(self, command: GCodeCommand) -> None:
        if not self._has_mesh:
            self._gcode.respond_info("Bed has not been probed")
            return
        shown = {
            "mesh_min": [MESH_MIN] * 2,
            "mesh_max": [MESH_MAX] * 2,
            "z_positions": self._probed,
        }
        self._gcode.respond_raw(f"mesh_map_output {json.dumps(shown)}")

    def _cmd_clear(self, command: GCodeCommand) -> None:
        self._active, self._probed = "", [[]]


def _place(index: int) -> float:
    return MESH_MIN + (MESH_MAX - MESH_MIN) * index / (COUNT - 1)


def _height(x: float, y: float) -> float:
    return round(0.15 * math.sin(x / 70.0) * math.cos(y / 90.0) - 0.02, 6)


def _params() -> dict[str, Any]:
    return {
        "min_x": MESH_MIN,
        "max_x": MESH_MAX,
        "min_y": MESH_MIN,
        "max_y": MESH_MAX,
        "x_count": COUNT,
        "y_count": COUNT,
        "mesh_x_pps": PER_SEGMENT,
        "mesh_y_pps": PER_SEGMENT,
        "algo": "lagrange",
        "tension": 0.2,
    }


def _interpolated(probed: Matrix) -> Matrix:
    """Straight lines between the probed heights, `PER_SEGMENT` points within each gap."""
    steps = PER_SEGMENT + 1
    wide = [_stretched(row, steps) for row in probed]
    columns = [_stretched([row[i] for row in wide], steps) for i in range(len(wide[0]))]
    return [[column[j] for column in columns] for j in range(len(columns[0]))]


def _stretched(values: list[float], steps: int) -> list[float]:
    found = []
    for low, high in itertools.pairwise(values):
        found += [low + (high - low) * step / steps for step in range(steps)]
    return [round(value, 6) for value in [*found, values[-1]]]
