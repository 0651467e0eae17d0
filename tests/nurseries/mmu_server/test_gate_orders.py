"""What macros ask of Spoolman, with a Spoolman and a printer of memory."""

import ast
import re

import pytest
import trio

from mrk.errors import ClientError
from nurseries.mmu_server.gate_orders import GateOrders
from nurseries.mmu_server.spools import GateSpools, NoSpoolman
from tests.fakes.gate_spoolman import GateSpoolman


class Side:
    """The printer's side: what it was told."""

    def __init__(self):
        self.commands = []
        self.said = []

    async def count_gates(self):
        return 3

    async def say(self, text, *, error=False):
        self.said.append((text, error))

    async def run(self, command):
        self.commands.append(command)

    @property
    def gates(self):
        return ast.literal_eval(re.search('MAP="(.*?)"', self.commands[-1])[1])


class Unit:
    def __init__(self):
        self.server = GateSpoolman()
        self.side = Side()
        spools = GateSpools(self.server, location=True)
        self.orders = GateOrders(spools, self.side, "mk4")


@pytest.fixture
def unit():
    unit = Unit()
    unit.server.add(1, "mk4", 0, name="Red", material="PLA", color_hex="FF0000")
    unit.server.add(2, "mk4", 2)
    unit.server.add(3, "other", 0)
    unit.server.add(4)
    return unit


async def test_the_extra_fields_are_made_once(unit):
    await unit.orders.pull_gate_map()
    await unit.orders.pull_gate_map()
    assert set(unit.server.fields) == {"printer_name", "mmu_gate_map"}
    assert unit.server.fields["mmu_gate_map"]["default_value"] == "-1"
    assert [call for call in unit.server.calls if call[0] == "POST"] == [
        ("POST", "/v1/field/spool/printer_name"),
        ("POST", "/v1/field/spool/mmu_gate_map"),
    ]


async def test_the_extra_fields_are_made_anew_for_another_database(unit):
    """A backup of Spoolman was played back, or somebody has deleted the fields."""
    await unit.orders.set_gate(4, 1)
    unit.server.fields.clear()
    await unit.orders.set_gate(1, 1)
    assert (unit.server.place(1), unit.server.place(4)) == (("mk4", 1), ("", -1))
    assert set(unit.server.fields) == {"printer_name", "mmu_gate_map"}


async def test_a_place_that_is_refused_for_another_reason_is_told(unit, autojump_clock):
    await unit.orders.pull_gate_map()
    refused = unit.server.refused = {4}
    with pytest.raises(NoSpoolman, match="locked"):
        await unit.orders.set_gate(4, 1)
    assert unit.server.place(4) == ("", -1)
    refused.clear()
    await unit.orders.set_gate(4, 1)
    assert unit.server.place(4) == ("mk4", 1)


async def test_a_pull_replaces_the_map(unit):
    await unit.orders.pull_gate_map()
    assert "REPLACE=1" in unit.side.commands[-1]
    assert {gate: one["spool_id"] for gate, one in unit.side.gates.items()} == {0: 1, 1: -1, 2: 2}
    assert unit.side.gates[0]["color"] == "FF0000"
    assert len(unit.side.said) == 1


async def test_a_push_writes_gates_and_clears_old_holders(unit):
    await unit.orders.push_gate_map([(0, 4), (1, 1), (2, -1)], silent=True)
    places = {number: unit.server.place(number) for number in unit.server.spools}
    assert places == {1: ("mk4", 1), 2: ("", -1), 3: ("other", 0), 4: ("mk4", 0)}
    assert unit.server.spools[4]["location"] == "mk4 @ MMU Gate:0"
    assert unit.server.spools[2]["location"] == ""
    assert {gate: one["spool_id"] for gate, one in unit.side.gates.items()} == {0: 4, 1: 1, 2: -1}
    assert unit.side.said == []


async def test_a_push_of_an_unknown_spool_is_told(unit):
    await unit.orders.push_gate_map([(0, 99)], silent=True)
    assert unit.side.said == [("Spoolman knows no spool 99", True)]
    assert unit.side.gates == {0: {"spool_id": -1}}


async def test_filaments_of_some_gates(unit):
    await unit.orders.get_filaments([[1, 3]])
    assert "REPLACE" not in unit.side.commands[-1]
    assert list(unit.side.gates) == [1]


async def test_one_spool_into_a_gate_and_out_again(unit):
    await unit.orders.set_gate(spool_id=4, gate=0, sync=True)
    assert (unit.server.place(4), unit.server.place(1)) == (("mk4", 0), ("", -1))
    assert unit.side.gates[0]["spool_id"] == 4
    await unit.orders.unset_gate(gate="0")
    assert unit.server.place(4) == ("", -1)
    await unit.orders.unset_gate(spool_id=3)
    assert unit.server.place(3) == ("", -1)
    for wrong in ({}, {"gate": "x"}):
        with pytest.raises(ClientError):
            await unit.orders.unset_gate(**wrong)
    with pytest.raises(ClientError, match="knows no spool 77"):
        await unit.orders.set_gate(spool_id=77, gate=0)


async def test_a_printer_is_cleared(unit):
    await unit.orders.clear_printer(sync=True)
    assert [unit.server.place(number)[0] for number in (1, 2, 3)] == ["", "", "other"]
    await unit.orders.clear_printer(printer="other")
    assert unit.server.place(3) == ("", -1)


async def test_contradictions_are_told_and_mended(unit):
    unit.server.add(5, "mk4", 0)
    await unit.orders.refresh()
    assert unit.side.said[-1][1]
    assert "Spools 1, 5 are all in gate 0 of mk4" in unit.side.said[-1][0]
    assert unit.server.place(5) == ("mk4", 0)
    await unit.orders.refresh(fix=True)
    assert unit.server.place(5) == unit.server.place(1) == ("", -1)
    await unit.orders.refresh(fix="True", silent=True)
    assert len(unit.side.said) == 2


async def test_spools_and_places_are_told(unit):
    await unit.orders.tell_spool(1)
    assert unit.side.said[-1][0] == "Spool 1: Red PLA FF0000, gate 0 of mk4"
    unit.server.active = 4
    await unit.orders.tell_spool()
    assert unit.side.said[-1][0].startswith("Spool 4:")
    unit.server.active = None
    with pytest.raises(ClientError, match="No spool is active"):
        await unit.orders.tell_spool()
    await unit.orders.tell_locations()
    assert unit.side.said[-1][0] == "Spools of mk4:\nGate 0: spool 1\nGate 2: spool 2"


async def test_a_spoolman_that_comes_late_is_waited_for(unit, autojump_clock):
    unit.server.away = 2
    began = trio.current_time()
    await unit.orders.pull_gate_map()
    assert trio.current_time() - began == 4.0
    unit.server.away = 9
    with pytest.raises(NoSpoolman, match="away"):
        await unit.orders.pull_gate_map()


@pytest.mark.parametrize("version", ["0.18.0", "0.17.9", "", "odd"])
async def test_an_old_spoolman_is_refused(unit, version):
    unit.server.version = version
    with pytest.raises(NoSpoolman, match=r"0\.18\.1 or newer"):
        await unit.orders.pull_gate_map()


async def test_without_the_section_spoolman_it_says_so(unit, autojump_clock):
    unit.server.is_configured = False
    with pytest.raises(NoSpoolman, match="no method"):
        await unit.orders.refresh()
