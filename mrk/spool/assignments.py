"""Who is charged: the active spool, spools of single tools, and how far Klipper's extruders are.

One object per generation; everything in it is done without waiting, so that it is always whole.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from mrk.spool.extrusion import Extrusion
from mrk.spool.klipper_run import KlipperRun, RunLook, compare
from mrk.spool.ledger import Ledger
from mrk.status.numbers import finite

# As many as history keeps of one job.
MOST_SPOOLS_PER_JOB = 100
# So far an extruder may stand behind where it was without having begun anew.
RETRACTED_MM = 20.0


class SpoolAssignments(msgspec.Struct):
    """`vanished`: the active spool was not cleared by the user, so its use goes on as unassigned.

    `moved` says that use or places differ from what was stored last.
    """

    ledger: Ledger = msgspec.field(default_factory=Ledger)
    active: int | None = None
    tool_spools: dict[str, int] = {}
    vanished: bool = False
    extrusion: Extrusion = msgspec.field(default_factory=Extrusion)
    run: RunLook | None = None
    job_spools: list[int] = []
    moved: bool = False

    @property
    def charged(self) -> set[int]:
        """Spools that use is charged to now."""
        active = set() if self.active is None else {self.active}
        return active | set(self.tool_spools.values())

    def attach(
        self, look: RunLook, toolhead: Mapping[str, Any], begun: bool, same: bool
    ) -> KlipperRun:
        """Klipper can be followed (again): count what was missed, as far as it can be told.

        `begun`: it was seen to start; `same`: the connection never broke.
        """
        run = KlipperRun.UNKNOWN
        if same:
            run = KlipperRun.SAME
        elif self.run is not None:
            run = compare(self.run, look, begun, self._grown(toolhead))
        elif begun:
            run = KlipperRun.NEW
        if run is not KlipperRun.SAME:
            self.extrusion = Extrusion(from_start=run is KlipperRun.NEW)
        self.extrusion.eventtime = -math.inf
        self.run = look
        self.moved = True
        self.take(toolhead, look.eventtime)
        return run

    def take(self, toolhead: Mapping[str, Any], eventtime: float) -> None:
        """Charge what changed fields of `toolhead` tell."""
        pushed = self.extrusion.take(toolhead, eventtime)
        if pushed is None:
            return
        extruder, mm = pushed
        self.moved = True
        spool_id = self.tool_spools.get(extruder, self.active)
        if spool_id is not None:
            self.ledger.charge(spool_id, mm)
            self._note_in_job(spool_id)
        elif self.vanished:
            self.ledger.unassigned_mm += mm

    def select(self, spool_id: int | None) -> bool:
        """Charge another spool from now on; whether that is a change."""
        changed = spool_id != self.active
        self.active, self.vanished = spool_id, False
        if spool_id is not None:
            self.ledger.selected(spool_id)
        self.moved = True
        return changed

    def select_for_tool(self, tool: str, spool_id: int | None) -> None:
        """Charge what one extruder pushes to a spool of its own, or (None) to the active one."""
        if spool_id is None:
            self.tool_spools.pop(tool, None)
        else:
            self.tool_spools[tool] = spool_id
            self.ledger.selected(spool_id)
        self.moved = True

    def lose_active(self, spool_id: int) -> bool:
        """Spoolman does not know `spool_id`; whether it was active, which it is no more."""
        if spool_id != self.active:
            return False
        self.active, self.vanished, self.moved = None, True, True
        return True

    # One job, for the history

    def begin_job(self) -> None:
        """Forget which spools the last job used."""
        self.job_spools = [] if self.active is None else [self.active]

    def resume_job(self, spool_ids: object) -> None:
        """Take over what was stored of a job that goes on."""
        known = spool_ids if isinstance(spool_ids, list) else []
        self.job_spools = [one for one in known if type(one) is int][:MOST_SPOOLS_PER_JOB]

    def _note_in_job(self, spool_id: int) -> None:
        if spool_id not in self.job_spools and len(self.job_spools) < MOST_SPOOLS_PER_JOB:
            self.job_spools.append(spool_id)

    def _grown(self, toolhead: Mapping[str, Any]) -> bool:
        name, position = toolhead.get("extruder"), toolhead.get("position")
        place_mm = finite(position[3]) if isinstance(position, list) and len(position) > 3 else None
        if not isinstance(name, str) or place_mm is None:
            return False
        before_mm = self.extrusion.places_mm.get(name, 0.0)
        if place_mm == 0:
            return before_mm == 0
        return place_mm >= before_mm - RETRACTED_MM
