from typing import Any

from mrk.simplyprint.host_reports import chosen_power_device, cpu_report, machine_report
from mrk.simplyprint.intervals import Intervals
from mrk.simplyprint.printer_state import JobWish, printer_state
from mrk.simplyprint.reports import MOST_OBJECTS, HostLook, Look, reports
from mrk.simplyprint.told_reports import ToldReports
from mrk.webcams.webcam import Webcam

OBJECTS: dict[str, dict[str, Any]] = {
    "print_stats": {"state": "printing", "filament_used": 12.6, "print_duration": 50.0},
    "virtual_sdcard": {"progress": 0.25},
    "gcode_move": {"gcode_position": [0, 0, 1.0, 0]},
    "toolhead": {"extruder": "extruder1"},
    "extruder": {"temperature": 199.6, "target": 200.0},
    "extruder1": {"temperature": 25.2, "target": 0.0},
    "heater_bed": {"temperature": None, "target": 60.0},
    "exclude_object": {
        "objects": [{"name": "A", "center": [1, 2]}, {"name": "B"}, "junk"],
        "excluded_objects": ["B", "gone"],
        "current_object": "A",
    },
    "bed_mesh": {
        "profile_name": "default", "mesh_min": [0, 0], "mesh_max": [9, 9],
        "mesh_matrix": [[0.1, 0.2], [0.3, 0.4]],
    },
    "filament_switch_sensor x": {"filament_detected": False, "enabled": True},
}  # fmt: skip


def look(**more: Any) -> Look:
    fields = {
        "objects": OBJECTS, "extruders": ["extruder", "extruder1"], "version": "v0.12",
        "filament_sensor": "filament_switch_sensor x", "ambient": 21.6,
    }  # fmt: skip
    return Look("ready", **(fields | more))  # type: ignore[arg-type]


def test_a_printer_in_full():
    webcam = Webcam(name="x", stream_url="/x", rotation=270, flip_horizontal=True)
    host = HostLook({"api": "mrk"}, {"usage": 3}, True, webcam, False)
    metadata = {"estimated_time": 1000, "layer_height": 0.2, "first_layer_height": 0.2}
    assert reports(look(host=host, metadata=metadata, job_id="7")) == {
        "connection": {"new": "connected"},
        "state_change": {"new": "printing"},
        "machine_data": {"api": "mrk"},
        "firmware": {"fw": {"firmware": "Klipper", "firmware_version": "v0.12"}},
        "webcam": {"flipH": True, "flipV": False, "rotate90": True},
        "webcam_status": {"connected": False},
        "cpu": {"usage": 3},
        "power_controller": {"on": True},
        "ambient": {"new": 22},
        "tool": {"new": 1},
        "filament_sensor": {"state": "runout"},
        "mesh_data": {
            "profile": "default", "mesh_min": [0, 0], "mesh_max": [9, 9],
            "mesh": [[0.1, 0.2], [0.3, 0.4]],
        },
        "objects": {
            "objects": [
                {"id": 0, "name": "A", "center": [1, 2]}, {"id": 1, "name": "B", "center": None},
            ]
        },
        "temps": {"tool0": [200, 200], "tool1": [25, 0]},
        "job_info": {
            "progress": 25, "layer": 5, "time": 750, "filament": 13, "job_id": "7", "object": 0,
            "skipped_objects": [1],
        },
    }  # fmt: skip


def test_a_printer_that_is_away_or_stopped():
    assert reports(Look("disconnected")) == {
        "connection": {"new": "disconnected"}, "state_change": {"new": "offline"},
    }  # fmt: skip
    found = reports(Look("shutdown", error="MCU lost"))
    assert found["state_change"] == {"new": "error"}
    assert found["printer_error"] == {"error": "MCU lost"}


def test_objects_of_forks_and_junk():
    junk = {name: dict.fromkeys(fields, "junk") for name, fields in OBJECTS.items()}
    found = reports(look(objects=junk, metadata={"estimated_time": "x"}))
    assert found["state_change"] == {"new": "operational"}
    assert "job_info" not in found
    many = {"exclude_object": {"objects": [{"name": str(n)} for n in range(MOST_OBJECTS + 1)]}}
    assert len(reports(look(objects=many))["objects"]["objects"]) == MOST_OBJECTS
    without = reports(look(metadata=None))["job_info"]
    assert (without["time"], "layer" in without) == (150, False)


def test_states():
    cases = {
        ("ready", "printing", None): "printing",
        ("ready", "printing", JobWish.PAUSING): "pausing",
        ("ready", "paused", JobWish.PAUSING): "paused",
        ("ready", "paused", JobWish.RESUMING): "resuming",
        ("ready", "paused", JobWish.CANCELLING): "cancelling",
        ("ready", "complete", JobWish.CANCELLING): "operational",
        ("ready", "strange", None): "operational",
        ("startup", "printing", None): "offline",
        ("strange", "printing", None): "offline",
        ("error", "", None): "error",
        ("shutdown", "printing", JobWish.PAUSING): "error",
    }
    assert {case: printer_state(*case) for case in cases} == cases


def test_only_changes_are_told_and_what_went_is_told_anew():
    told, known = ToldReports(), Intervals()
    first = {"connection": {"new": "connected"}, "firmware": {"fw": {}}}
    assert dict(told.due(first, 0.0, known)) == first
    assert told.due(first, 1.0, known) == []
    assert told.due({"connection": {"new": "connected"}}, 2.0, known) == []
    assert told.due(first, 3.0, known) == [("firmware", {"fw": {}})]


def test_temperatures_are_told_as_often_as_they_matter():
    told, known = ToldReports(), Intervals(temps=1000, temps_target=250)

    def due(at: float, tool: list[int], bed: list[int] | None = None) -> Any:
        temps = {"tool0": tool, "bed": bed or [20, 0]}
        return dict(told.due({"temps": temps}, at, known)).get("temps")

    assert due(0.0, [20, 0]) == {"tool0": [20, 0], "bed": [20, 0]}
    assert due(0.5, [21, 0]) is None
    assert due(1.0, [21, 0]) == {"tool0": [21, 0]}
    assert due(1.1, [21, 200]) == {"tool0": [21, 200]}  # a new target at once
    assert due(1.2, [25, 200]) is None
    assert due(1.35, [30, 200]) == {"tool0": [30, 200]}
    assert due(1.6, [199, 200]) is None  # near to its target it is as slow as others
    assert due(2.4, [200, 200], [21, 0]) == {"tool0": [200, 200], "bed": [21, 0]}


def test_job_info_has_its_own_pace():
    told, known = ToldReports(), Intervals(job=5000)
    assert told.due({"job_info": {"progress": 1, "layer": 1}}, 0.0, known)
    assert told.due({"job_info": {"progress": 2, "layer": 1}}, 4.0, known) == []
    assert told.due({"job_info": {"progress": 3, "layer": 1}}, 5.0, known) == [
        ("job_info", {"progress": 3})
    ]


def test_the_host():
    info = {
        "system_info": {
            "cpu_info": {"cpu_count": 4, "total_memory": 1000, "model": "", "cpu_desc": "ARM"},
            "distribution": {"name": "Debian"}, "python": {"version_string": "3.11.2 (main)"},
        }
    }  # fmt: skip
    assert machine_report(info, "printer", "1.0") == {
        "api": "mrk", "api_version": "1.0", "ui": "mrk", "ui_version": "1.0",
        "hostname": "printer", "machine": "ARM", "os": "Debian", "python_version": "3.11.2",
        "core_count": 4, "total_memory": 1000,
    }  # fmt: skip
    assert machine_report(None, "printer", "1.0")["hostname"] == "printer"
    stats = {
        "system_cpu_usage": {"cpu": 12.4}, "cpu_temp": 51.6,
        "system_memory": {"total": 1000, "used": 333},
    }  # fmt: skip
    assert cpu_report(stats) == {"usage": 12, "temp": 52, "memory": 33}
    assert cpu_report({"system_cpu_usage": 5, "cpu_temp": None}) is None
    assert cpu_report(None) is None


def test_the_power_device():
    def chosen(wanted: str | None, *names: str) -> Any:
        devices = [{"device": name, "status": "on"} for name in names]
        found = chosen_power_device({"devices": devices}, wanted)
        return None if found is None else found["device"]

    assert chosen("psu", "psu", "printer") == "psu"
    assert chosen("gone", "psu", "printer") is None
    assert chosen(None, "lamp", "My Printer") == "My Printer"
    assert chosen(None, "printer 1", "printer 2") is None
    assert chosen_power_device(None, None) is None
