"""Faults ordered by g-code or option: what the printer or its link is told to do wrong.

`VIRTUAL_FAULT KIND=... SECONDS=...` orders one; those of the link are carried out by the subsystem
that serves the connections, which takes them from `orders`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mrk.virtual_printer.gcode.command import GCodeCommand
from mrk.virtual_printer.gcode.command_errors import CommandError
from mrk.virtual_printer.gcode.dispatcher import GCode

MCU_SHUTDOWN = (
    "MCU 'mcu' shutdown: Timer too close\n"
    "This often indicates the host computer is overloaded. Check\n"
    "for other processes consuming excessive CPU time, high swap\n"
    "usage, disk errors, overheating, unstable voltage, or\n"
    "similar system problems on the host computer."
)


class FaultKind(Enum):
    """The kinds, by the word that orders them."""

    MCU_SHUTDOWN = "mcu_shutdown"
    SLOW_REPLIES = "slow_replies"
    DROP_LINK = "drop_link"
    JUNK_FRAMES = "junk_frames"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Fault:
    """One order; all its times are real seconds, `after_s` counts from the start of serving."""

    kind: FaultKind
    seconds: float = 5.0
    delay_s: float = 1.0
    after_s: float = 0.0


class FaultCommand:
    """The command VIRTUAL_FAULT, and its orders in `orders` until somebody takes them."""

    def __init__(self, gcode: GCode, shutdown: Callable[[str], None]) -> None:
        self._shutdown = shutdown
        self.orders: list[Fault] = []
        kinds = ", ".join(kind.value for kind in FaultKind)
        gcode.register(
            "VIRTUAL_FAULT",
            self._cmd_fault,
            f"Order a fault: KIND={kinds}",
            when_not_ready=True,
        )

    def order(self, fault: Fault) -> None:
        """Carry out a fault of the printer; keep one of the link for whoever serves it."""
        if fault.kind is FaultKind.MCU_SHUTDOWN:
            self._shutdown(MCU_SHUTDOWN)
        else:
            self.orders.append(fault)

    def _cmd_fault(self, command: GCodeCommand) -> None:
        try:
            kind = FaultKind(command.get("KIND").lower())
        except ValueError:
            raise CommandError(f"The value '{command.get('KIND')}' is not valid for KIND") from None
        seconds = command.get_float("SECONDS", 5.0, minimum=0.0)
        delay_s = command.get_float("DELAY", 1.0, minimum=0.0)
        self.order(Fault(kind, seconds, delay_s))
