import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.errors import ClientError
from mrk.mmu.gates import (
    GateSpool,
    contradictions,
    gate_attributes,
    gate_map_command,
    gate_pairs,
    message_command,
    placed_in,
    placement,
    spool_of,
    whole_number,
)
from mrk.mmu.lanes import beyond, lane_record

RECORD = {
    "id": 3,
    "remaining_weight": 812.5,
    "filament": {
        "id": 9,
        "name": "Galaxy 'Black'; \"M112\"",
        "material": "PLA",
        "color_hex": "1a1a1a",
        "settings_extruder_temp": 215,
        "settings_bed_temp": 60,
        "vendor": {"name": "Prusament"},
    },
    "extra": {"printer_name": '"mk4"', "mmu_gate_map": "2"},
}


def test_a_spool_of_spoolman():
    assert spool_of(RECORD) == GateSpool(
        spool_id=3,
        printer="mk4",
        gate=2,
        material="PLA",
        color="1A1A1A",
        name="Galaxy Black M112",
        vendor="Prusament",
        temp=215,
        bed_temp=60,
        filament_id=9,
        remaining_g=812.5,
    )


@pytest.mark.parametrize(
    "odd",
    [
        {"filament": None},
        {"filament": {"color_hex": "red", "name": 5, "settings_bed_temp": "hot"}},
        {"extra": {"printer_name": "{", "mmu_gate_map": "[[["}},
        {"extra": {"printer_name": "5", "mmu_gate_map": '"2"'}},
        {"extra": {"mmu_gate_map": "-5"}},
        {"extra": ["x"], "remaining_weight": "much"},
    ],
)
def test_what_does_not_fit_is_left_out(odd):
    spool = spool_of({"id": 1, **odd})
    assert spool.spool_id == 1
    assert not spool.is_placed


def test_records_that_are_none():
    assert [spool_of(one) for one in (None, [], {}, {"id": "3"}, {"id": True})] == [None] * 5


def test_colors_of_several():
    spool = spool_of({"id": 1, "filament": {"multi_color_hexes": "FF0000,00FF00"}})
    assert spool.color == "FF0000"


@given(st.dictionaries(st.sampled_from(["name", "material"]), st.text()), st.text())
def test_a_gate_map_is_one_parameter_whatever_spoolman_holds(filament, vendor):
    spool = spool_of({"id": 1, "filament": {**filament, "vendor": {"name": vendor}}})
    command = gate_map_command({0: gate_attributes(spool), 4: gate_attributes(None)})
    assert "\n" not in command
    assert ";" not in command
    found = re.fullmatch(r'MMU_GATE_MAP MAP="([^"]*)" FROM_SPOOLMAN=1 QUIET=1', command)
    assert ast.literal_eval(found[1])[4] == {"spool_id": -1}


def test_messages():
    assert message_command("it's\nso", error=True, has_mmu=True) == "MMU_LOG MSG='its so' ERROR=1"
    assert message_command("a;b\n\nc", error=False, has_mmu=False) == "M118 ab\nM118 c"
    assert message_command("a", error=True, has_mmu=False) == "M118 a\nPAUSE"


def test_contradictions_name_the_spools():
    spools = [
        GateSpool(spool_id=1, printer="a", gate=0),
        GateSpool(spool_id=2, printer="a", gate=0),
        GateSpool(spool_id=3, printer="b", gate=0),
        GateSpool(spool_id=4, printer="a"),
        GateSpool(spool_id=5),
    ]
    wrong, said = contradictions(spools)
    assert sorted(spool.spool_id for spool in wrong) == [1, 2, 4]
    assert len(said) == 2
    assert placed_in(spools, "a") == {0: spools[0]}


def test_places_as_spoolman_keeps_them():
    assert placement("mk4", 2, location=True) == {
        "extra": {"printer_name": '"mk4"', "mmu_gate_map": "2"},
        "location": "mk4 @ MMU Gate:2",
    }
    assert placement("", 2, location=True) == {
        "extra": {"printer_name": '""', "mmu_gate_map": "-1"},
        "location": "",
    }
    assert "location" not in placement("mk4", 2, location=False)


def test_pairs_of_macros():
    assert gate_pairs([(0, 3), ["1", -1]]) == [(0, 3), (1, -1)]
    assert gate_pairs([]) == []
    for wrong in ("0,1", [0], [(1, 2, 3)], [("x", 1)], [(-1, 1)], [(5000, 1)], None, [(0, None)]):
        with pytest.raises(ClientError, match="gate_ids"):
            gate_pairs(wrong)
    with pytest.raises(ClientError, match="gates: nan"):
        whole_number("gates", float("nan"))


def test_lanes():
    mmu = {
        "gate_status": [1, 0],
        "gate_color": ["ff0000", ""],
        "gate_material": ["PLA", ""],
        "gate_temperature": [215, 0],
        "gate_filament_name": ["Red", ""],
    }
    full = lane_record(0, 3, mmu, spool_of(RECORD), "now")
    assert full == {
        "vendor_name": "Prusament",
        "name": "Red",
        "color": "ff0000",
        "material": "PLA",
        "bed_temp": 60,
        "nozzle_temp": 215,
        "scan_time": "now",
        "td": None,
        "lane": "0",
        "spool_id": 3,
        "filament_id": 9,
    }
    empty = lane_record(1, 4, mmu, None, "now")
    assert {name for name, value in empty.items() if value is not None} == {"lane"}
    assert set(empty) == set(full)
    assert lane_record(7, -1, {}, None, "now")["name"] is None
    assert lane_record(7, 5, {"gate_color": "red"}, None, "now")["color"] is None


def test_lanes_beyond_a_number():
    assert beyond(["lane0", "lane2", "lane10", "other", "lanex"], 2) == ["lane2", "lane10"]
