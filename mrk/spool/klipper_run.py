"""Is this the run of Klipper that was followed before? Places of extruders mean nothing elsewhere.

RESTART and FIRMWARE_RESTART begin a new run within one process, and mrk may have been away
meanwhile. Pure: two looks at Klipper are compared.
"""

import enum
from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.jobs.print_stats import PrintStats
from mrk.status.numbers import finite

# What the clocks of host and microcontroller may drift apart, and a print's times be rounded by.
SLACK_S = 2.0


class RunLook(msgspec.Struct, frozen=True):
    """Klipper at one moment. `mcu_began` is the eventtime at which its microcontroller started,
    `print_began` that of the print under way; seconds of the host's clock since it started."""

    eventtime: float
    process_id: int | None = None
    mcu_began: float | None = None
    filename: str = ""
    total_duration: float = 0.0
    print_began: float | None = None

    def printing(self, stats: PrintStats, eventtime: float) -> "RunLook":
        """The same run at a later moment."""
        began = eventtime - stats.total_duration if stats.is_active else None
        return msgspec.structs.replace(
            self,
            eventtime=eventtime,
            filename=stats.filename,
            total_duration=stats.total_duration,
            print_began=began,
        )


class KlipperRun(enum.Enum):
    """What became of the run that was followed."""

    SAME = "same"
    NEW = "new"
    UNKNOWN = "unknown"


def look_at(info: Mapping[str, Any], status: Mapping[str, Any], eventtime: float) -> RunLook:
    """From Klipper's `info` and its status objects `toolhead` and `print_stats`."""
    process_id = info.get("process_id")
    printed_s = finite(status.get("toolhead", {}).get("estimated_print_time"))
    look = RunLook(
        eventtime,
        process_id if isinstance(process_id, int) else None,
        None if printed_s is None else eventtime - printed_s,
    )
    return look.printing(PrintStats().merged(status.get("print_stats", {})), eventtime)


def compare(before: RunLook, now: RunLook, begun: bool, grown: bool) -> KlipperRun:
    """Decide by two looks.

    `begun`: Klipper was seen to start since. `grown`: the extruder does not stand behind where it
    was, save for a retraction.
    """
    if begun or before.process_id != now.process_id or now.eventtime < before.eventtime:
        return KlipperRun.NEW
    if _same_print(before, now):
        return KlipperRun.SAME
    if before.mcu_began is None or now.mcu_began is None:
        return KlipperRun.UNKNOWN
    away_s = now.eventtime - before.eventtime
    if abs(now.mcu_began - before.mcu_began) > SLACK_S + away_s * 1e-3:
        return KlipperRun.NEW
    # A RESTART leaves the microcontroller running. If there was one, and as much was pushed since
    # as before, then too little is counted, and never anything twice.
    return KlipperRun.SAME if grown else KlipperRun.UNKNOWN


def _same_print(before: RunLook, now: RunLook) -> bool:
    """A restart forgets the print: one that goes on, or has ended since, is proof."""
    if not before.filename or before.filename != now.filename:
        return False
    if before.print_began is not None and now.print_began is not None:
        return abs(before.print_began - now.print_began) <= SLACK_S
    added_s = now.total_duration - before.total_duration
    return -SLACK_S <= added_s <= now.eventtime - before.eventtime + SLACK_S
