"""The component `mmu_server`, as add-ons are: reads its section, and builds what it asks for."""

from collections.abc import Mapping

import msgspec

from config.section import Section
from config.values import Bounds
from mrk.gcode.processors import GcodeProcessor
from mrk.mmu.gates import MOST_GATES
from mrk.subsystem import Additions, Needs
from nurseries.mmu_server.gate_orders import GateOrders
from nurseries.mmu_server.printer_side import PrinterSide
from nurseries.mmu_server.spools import GateSpools
from nurseries.mmu_server.subsystem import MmuServer


class MmuSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`num_gates` counts without an MMU in Klipper only."""

    enable_file_preprocessor: bool
    enable_toolchange_next_pos: bool
    update_spoolman_location: bool
    num_gates: int


def read(section: Section, named: Mapping[str, Section]) -> MmuSettings:
    """`[mmu_server]`."""
    return MmuSettings(
        enable_file_preprocessor=section.boolean("enable_file_preprocessor", True),
        enable_toolchange_next_pos=section.boolean("enable_toolchange_next_pos", True),
        update_spoolman_location=section.boolean("update_spoolman_location", True),
        num_gates=section.integer("num_gates", 1, Bounds(low=1, high=MOST_GATES)),
    )


def build(settings: MmuSettings, needs: Needs, additions: Additions) -> None:
    """Adds the remote methods, and the processor of new files."""
    spools = GateSpools(needs.templates, location=settings.update_spoolman_location)
    side = PrinterSide(needs.klippy, needs.gcode, settings.num_gates)
    orders = GateOrders(spools, side, needs.host_name)
    additions.add("mmu_server", MmuServer(needs.klippy, needs.database, side, orders))
    if settings.enable_file_preprocessor:
        additions.processors.append(
            GcodeProcessor(
                "mmu_server",
                "nurseries.mmu_server.preprocessing:process",
                {"next_position": settings.enable_toolchange_next_pos},
            )
        )
