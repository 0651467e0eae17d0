"""Where the toolhead is right now, and the streams `motion_report/dump_...`.

Batches go out twice a second of virtual time, as in `klippy/extras/motion_report.py`; step times
are those of evenly spaced steps within each phase of a move. Owned by `Klippy`.
"""

from dataclasses import dataclass
from typing import Any

from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.objects.kinematics import STEPPERS
from mrk.virtual_printer.objects.planner import Move
from mrk.virtual_printer.objects.toolhead import Toolhead
from mrk.virtual_printer.protocol.webhooks import Params, Result, Webhooks, WebRequest
from mrk.virtual_printer.reactor import Reactor, Task

BATCH_S = 0.5
CLOCK_HZ = 50_000_000
TRAPQS = ("extruder", "toolhead")
STEP_MM = {"stepper_x": 0.05, "stepper_y": 0.05, "stepper_z": 0.01, "extruder": 0.01}
TRAPQ_HEADER = [
    "time",
    "duration",
    "start_velocity",
    "acceleration",
    "start_position",
    "direction",
]


@dataclass(slots=True)
class _Dump:
    connection: int
    template: Params
    name: str
    steps: bool
    sent_until: float


class MotionReport:
    """The object `motion_report` and the connections that listen to its streams."""

    def __init__(self, reactor: Reactor, toolhead: Toolhead, webhooks: Webhooks) -> None:
        self._reactor = reactor
        self._toolhead = toolhead
        self._webhooks = webhooks
        self._dumps: list[_Dump] = []
        self._running = False
        webhooks.on_disconnect.append(self._forget)

    def register(self) -> None:
        """Add the two endpoints."""
        self._webhooks.register("motion_report/dump_stepper", self._dump_stepper)
        self._webhooks.register("motion_report/dump_trapq", self._dump_trapq)

    def get_status(self, eventtime: float) -> dict[str, Any]:
        """The object `motion_report`."""
        place, velocity, extruder_velocity = self._toolhead.live(eventtime)
        return {
            "live_position": list(place),
            "live_velocity": velocity,
            "live_extruder_velocity": extruder_velocity,
            "steppers": sorted(STEPPERS),
            "trapq": list(TRAPQS),
        }

    def _dump_stepper(self, request: WebRequest) -> Result:
        self._listen(request, tuple(STEP_MM), steps=True)
        return {"header": ["interval", "count", "add"]}

    def _dump_trapq(self, request: WebRequest) -> Result:
        self._listen(request, TRAPQS, steps=False)
        return {"header": TRAPQ_HEADER}

    def _listen(self, request: WebRequest, known: tuple[str, ...], *, steps: bool) -> None:
        name = request.get_str("name")
        if name not in known:
            raise CommandError(f"The value '{name}' is not valid for name")
        template = request.get_dict("response_template", {})
        now = self._toolhead.estimated_print_time(self._reactor.now)
        self._dumps.append(_Dump(request.connection, template, name, steps, now))
        if not self._running:
            self._running = True
            self._reactor.spawn(self._send_batches(), self._reactor.now + BATCH_S)

    def _forget(self, connection: int) -> None:
        self._dumps = [dump for dump in self._dumps if dump.connection != connection]

    def _send_batches(self) -> Task:
        while self._dumps:
            now = self._toolhead.estimated_print_time(self._reactor.now)
            for dump in self._dumps:
                moves = [
                    move
                    for move in self._toolhead.history
                    if dump.sent_until < move.start_time + move.duration_s <= now
                ]
                dump.sent_until = now
                batch = _steps(moves, dump.name) if dump.steps else _phases(moves, dump.name)
                if batch:
                    self._webhooks.send(dump.connection, {**dump.template, "params": batch})
            yield self._reactor.now + BATCH_S
        self._running = False


def _phases(moves: list[Move], trapq: str) -> dict[str, Any] | None:
    """Rows of `TRAPQ_HEADER`, of the toolhead's way or of the filament's."""
    data = []
    for move in moves:
        for start, duration, velocity, accel, place in move.phases():
            if trapq == "toolhead" and move.is_travel:
                row = [list(place[:3]), list(move.direction[:3])]
                data.append([start, duration, velocity, accel, *row])
            elif trapq == "extruder" and move.direction[3]:
                ratio = move.direction[3]
                row = [[place[3], 0.0, 0.0], [1.0, 0.0, 0.0]]
                data.append([start, duration, velocity * ratio, accel * ratio, *row])
    return {"data": data} if data else None


def _steps(moves: list[Move], stepper: str) -> dict[str, Any] | None:
    """Rows of interval, count, add for one stepper; nothing when it stood still."""
    axis = STEPPERS.index(stepper)
    step_mm = STEP_MM[stepper]
    moved = [move for move in moves if abs(move.end[axis] - move.start[axis]) >= step_mm]
    if not moved:
        return None
    data = []
    for move in moved:
        count = round((move.end[axis] - move.start[axis]) / step_mm)
        data.append([int(move.duration_s * CLOCK_HZ / abs(count)), count, 0])
    first = moved[0].start_time
    last = moved[-1].start_time + moved[-1].duration_s
    return {
        "data": data,
        "start_position": moved[0].start[axis],
        "start_mcu_position": round(moved[0].start[axis] / step_mm),
        "step_distance": step_mm,
        "first_clock": int(first * CLOCK_HZ),
        "first_step_time": first,
        "last_clock": int(last * CLOCK_HZ),
        "last_step_time": last,
    }
