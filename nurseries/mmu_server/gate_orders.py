"""What Happy Hare's macros ask of Spoolman: gates read, written, cleared and told.

Owns no task: the subsystem calls one after the other. Whatever goes wrong is raised as `MrkError`.
"""

from collections.abc import Iterable
from typing import Any

from mrk.errors import ClientError
from mrk.klippy.remote_methods import is_true
from mrk.mmu.gates import (
    GateSpool,
    contradictions,
    gate_attributes,
    gate_map_command,
    gate_pairs,
    placed_in,
    whole_number,
)
from nurseries.mmu_server.printer_side import PrinterSide
from nurseries.mmu_server.spools import GateSpools


class GateOrders:
    """`printer` is this one's name in Spoolman."""

    def __init__(self, spools: GateSpools, side: PrinterSide, printer: str) -> None:
        self._spools = spools
        self._side = side
        self._printer = printer

    async def refresh(self, fix: object = False, silent: object = False) -> None:
        """Read all spools, and tell contradictions; `fix` takes those spools out of their gates."""
        wrong, said = contradictions(await self._spools.all_spools())
        if not said:
            await self._say("Spoolman: no contradictions", silent)
            return
        if is_true(fix):
            for spool in wrong:
                await self._spools.place(spool.spool_id, "", -1)
            said.append("These spools are in no gate now")
        await self._side.say("\n".join(said), error=not is_true(fix))

    async def get_filaments(self, gate_ids: object, silent: object = False) -> None:
        """Tell Klipper what is in some gates."""
        pairs = gate_pairs(gate_ids)
        await self._tell(pairs, await self._spools.all_spools(), silent)

    async def push_gate_map(self, gate_ids: object, silent: object = False) -> None:
        """Write the printer's gates to Spoolman; other spools leave them."""
        pairs = gate_pairs(gate_ids)
        wanted = {spool_id: gate for gate, spool_id in pairs if spool_id > 0}
        spools = await self._spools.all_spools()
        for spool in spools:
            if spool.printer == self._printer and spool.spool_id not in wanted:
                await self._spools.place(spool.spool_id, "", -1)
        known = {spool.spool_id: spool for spool in spools}
        for spool_id, gate in wanted.items():
            there = known.get(spool_id)
            if there is None:
                await self._side.say(f"Spoolman knows no spool {spool_id}", error=True)
            elif (there.printer, there.gate) != (self._printer, gate):
                await self._spools.place(spool_id, self._printer, gate)
        await self._tell(pairs, spools, silent)

    async def pull_gate_map(self, silent: object = False) -> None:
        """Tell Klipper what Spoolman has in each gate."""
        placed = placed_in(await self._spools.all_spools(), self._printer)
        gates = range(await self._side.count_gates())
        told = {gate: gate_attributes(placed.get(gate)) for gate in gates}
        await self._side.run(gate_map_command(told, replace=True))
        await self._say(f"Gate map of {len(told)} gates taken from Spoolman", silent)

    async def clear_printer(
        self, printer: object = None, sync: object = False, silent: object = False
    ) -> None:
        """Take all spools of a printer out of its gates."""
        name = str(printer) if printer else self._printer
        spools = [spool for spool in await self._spools.all_spools() if spool.printer == name]
        for spool in spools:
            await self._spools.place(spool.spool_id, "", -1)
        await self._say(f"{len(spools)} spools of {name} cleared", silent)
        if is_true(sync):
            await self.pull_gate_map(silent=True)

    async def set_gate(
        self, spool_id: object, gate: object, sync: object = False, silent: object = False
    ) -> None:
        """Put a spool into a gate, and what was there out of it."""
        ((place, number),) = gate_pairs([(gate, spool_id)])
        spools = await self._spools.all_spools()
        if all(spool.spool_id != number for spool in spools):
            raise ClientError(f"Spoolman knows no spool {number}")
        for spool in spools:
            held = spool.printer == self._printer and spool.gate == place
            if held and spool.spool_id != number:
                await self._spools.place(spool.spool_id, "", -1)
        await self._spools.place(number, self._printer, place)
        await self._say(f"Spool {number} is in gate {place}", silent)
        if is_true(sync):
            await self.pull_gate_map(silent=True)

    async def unset_gate(
        self,
        spool_id: object = None,
        gate: object = None,
        sync: object = False,
        silent: object = False,
    ) -> None:
        """Take a spool out of its gate, or whatever is in a gate."""
        if spool_id is None and gate is None:
            raise ClientError("spool_id or gate is needed")
        spools = await self._spools.all_spools()
        if spool_id is not None:
            number = whole_number("spool_id", spool_id)
            gone = [spool for spool in spools if spool.spool_id == number]
        else:
            place = whole_number("gate", gate)
            mine = (spool for spool in spools if spool.printer == self._printer)
            gone = [spool for spool in mine if spool.gate == place]
        for spool in gone:
            await self._spools.place(spool.spool_id, "", -1)
        ids = ", ".join(str(spool.spool_id) for spool in gone) or "none"
        await self._say(f"Spools taken out: {ids}", silent)
        if is_true(sync):
            await self.pull_gate_map(silent=True)

    async def tell_spool(self, spool_id: object = None) -> None:
        """Say what is known of a spool, or of the active one."""
        if spool_id is None:
            number = await self._spools.active_spool()
            if number is None:
                raise ClientError("No spool is active")
        else:
            number = whole_number("spool_id", spool_id)
        for spool in await self._spools.all_spools():
            if spool.spool_id == number:
                await self._side.say(_description(spool))
                return
        raise ClientError(f"Spoolman knows no spool {number}")

    async def tell_locations(self, printer: object = None) -> None:
        """Say which spools are in the gates of a printer."""
        name = str(printer) if printer else self._printer
        placed = placed_in(await self._spools.all_spools(), name)
        lines = [f"Gate {gate}: spool {placed[gate].spool_id}" for gate in sorted(placed)]
        await self._side.say("\n".join([f"Spools of {name}:", *(lines or ["none"])]))

    async def known(self, spool_ids: Iterable[int]) -> dict[int, GateSpool]:
        """What Spoolman has of some spools."""
        wanted = set(spool_ids)
        spools = await self._spools.all_spools()
        return {spool.spool_id: spool for spool in spools if spool.spool_id in wanted}

    async def _tell(
        self, pairs: list[tuple[int, int]], spools: list[GateSpool], silent: object
    ) -> None:
        known = {spool.spool_id: spool for spool in spools}
        told: dict[int, dict[str, Any]] = {
            gate: gate_attributes(known.get(spool_id)) for gate, spool_id in pairs
        }
        if told:
            await self._side.run(gate_map_command(told))
        await self._say(f"{len(told)} gates updated from Spoolman", silent)

    async def _say(self, text: str, silent: object) -> None:
        if not is_true(silent):
            await self._side.say(text)


def _description(spool: GateSpool) -> str:
    left = "" if spool.remaining_g is None else f", {spool.remaining_g:.0f} g left"
    where = f", gate {spool.gate} of {spool.printer}" if spool.is_placed else ""
    words = (spool.vendor, spool.name, spool.material, spool.color)
    return f"Spool {spool.spool_id}: {' '.join(filter(None, words))}{left}{where}"
