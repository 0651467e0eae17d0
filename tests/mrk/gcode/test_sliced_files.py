"""Files sliced for these tests, against what their slicers declare in them."""

from pathlib import Path

import pytest

from mrk.gcode.scan import scan
from mrk.gcode.source import BytesSource

DATA = Path(__file__).parents[2] / "data" / "gcode"
PRUSA = {"slicer": "PrusaSlicer", "slicer_version": "2.5.0", "nozzle_diameter": 0.4}
DECLARED = {
    "prusa-slicer-2.5.0-mk3s-pla-cube-cut": PRUSA | {
        "estimated_time": 509, "layer_height": 0.2, "first_layer_height": 0.2,
        "first_layer_extr_temp": 215.0, "first_layer_bed_temp": 60.0, "filament_total": 247.57,
        "filament_weights": [0.74], "filament_weight_total": 0.74, "filament_type": "PLA",
        "filament_name": "Prusament PLA", "filament_colors": ["#FF8000"], "extruder_colors": [],
        "filament_temps": [215], "printer_model": "MK3S", "mmu_print": 0,
    },
    "prusa-slicer-2.5.0-mmu2s-twocolour-cut": PRUSA | {
        "estimated_time": 2399, "filament_total": 1708.59, "filament_weights": [2.53, 2.56],
        "filament_weight_total": 5.10, "filament_type": '["PLA", "PLA", "PETG", "PLA", "ABS"]',
        "filament_temps": [205, 205, 230, 205, 255], "mmu_print": 1, "filament_change_count": 20,
        "extruder_colors": ["#FF8000", "#DB5182", "#3EC0FF", "#FF4F4F", "#FBEB7D"],
    },
    "prusa-slicer-2.5.0-voron-abs-labelled-cut": PRUSA | {
        "estimated_time": 260, "layer_height": 0.25, "first_layer_height": 0.2,
        "first_layer_extr_temp": 250.0, "first_layer_bed_temp": 100.0, "filament_total": 545.71,
        "printer_model": "Voron_v2_300_afterburner", "filament_colors": ["#12ab9F"],
    },
    "prusa-slicer-2.5.0-gui-thumbnails-png-cut": PRUSA | {
        "estimated_time": 813, "filament_total": 464.15, "filament_name": "gui_mk3s",
        "printer_model": None,
    },
    "prusa-slicer-2.5.0-jubilee-rrf-cut": PRUSA | {
        "estimated_time": 65, "filament_total": 54.64, "filament_weight_total": 0.0,
        "filament_weights": None, "extruder_colors": ["#FF8000", "#0080FF"],
    },
    "prusa-slicer-2.5.0-defaults-noprofile": PRUSA | {
        "object_height": 3.05, "layer_count": 10, "first_layer_height": 0.35,
        "gcode_start_byte": 305, "gcode_end_byte": 14236, "filament_name": None,
    },
    "prusa-slicer-2.5.0-sailfish": PRUSA | {
        "first_layer_extr_temp": 220.0, "first_layer_bed_temp": 65.0, "estimated_time": 65,
    },
    "prusa-slicer-2.5.0-mk3s-cube-stripped-cut": {
        "slicer": "Unknown", "slicer_version": "?", "gcode_start_byte": 0, "object_height": 10.0,
        "first_layer_height": 0.2, "first_layer_extr_temp": 215.0, "first_layer_bed_temp": 60.0,
        "estimated_time": None,
    },
    "slic3r-1.3.0-cube-nocomments-cut": {
        "slicer": "Slic3r", "slicer_version": "1.3.0", "layer_height": 0.3, "nozzle_diameter": 0.5,
        "first_layer_height": 0.35, "first_layer_extr_temp": 210.0, "first_layer_bed_temp": 65.0,
        "filament_total": 441.3, "estimated_time": None, "object_height": 9.95,
    },
    "slic3r-1.3.0-dual-extruder-cut": {
        "filament_total": 549.6, "filament_weights": [0.9, 0.8], "filament_weight_total": 1.7,
        "first_layer_extr_temp": 210.0, "filament_colors": ["#FF0000", "#00FF00"],
    },
    "cura-4.13.0-ender3-cube-cut": {
        "slicer": "Cura", "slicer_version": "4.13.0", "estimated_time": 348.0, "layer_count": 50,
        "filament_total": 278.368, "layer_height": 0.2, "first_layer_height": 0.2,
        "object_height": 10.0, "first_layer_extr_temp": 205.0, "first_layer_bed_temp": 60.0,
        "gcode_start_byte": 177,
    },
    "cura-4.13.0-ender3-cube-rawcli-cut": {  # placeholders in its header are not believed
        "estimated_time": 348.997224, "filament_total": None, "layer_count": 50,
        "first_layer_height": 0.2,
    },
    "cura-wasm-1.5.2-ender3-cube6-cut": {
        "slicer": "Cura", "slicer_version": "master", "estimated_time": 179.926026,
        "filament_total": None, "object_height": 6.0,
    },
    "cura-4.13.0-um2-ultigcode-cut": {  # filament in mm3, which is no length
        "nozzle_diameter": 0.4, "estimated_time": 111.0, "filament_total": None,
        "object_height": 3.0,
    },
    "cura-4.13.0-marlin-volumetric-cut": {"filament_total": None, "estimated_time": 110.0},
    "mandoline-py-0.8.3-cube-cut": {
        "slicer": "Unknown", "layer_height": 0.2, "gcode_start_byte": 0, "object_height": 10.0,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DECLARED)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_what_the_slicer_declares_is_found(name, line_end):
    data = (DATA / f"{name}.gcode").read_bytes().replace(b"\n", line_end)
    found = scan(BytesSource(data)).metadata.fields()
    declared = dict(DECLARED[name])
    if line_end != b"\n":
        declared.pop("gcode_start_byte", None)
        declared.pop("gcode_end_byte", None)
    assert {field: found.get(field) for field in declared} == declared


def test_the_images_of_a_gui_export():
    data = (DATA / "prusa-slicer-2.5.0-gui-thumbnails-png-cut.gcode").read_bytes()
    images = scan(BytesSource(data)).thumbnails
    assert [(image.width, image.height) for image in images] == [(32, 32), (300, 300)]


@pytest.mark.parametrize("name", DECLARED)
def test_any_truncation_still_gives_a_record(name):
    data = (DATA / f"{name}.gcode").read_bytes()
    for length in range(0, len(data), max(1, len(data) // 25)):
        found = scan(BytesSource(data[:length])).metadata
        assert found.slicer in ("Unknown", DECLARED[name].get("slicer", found.slicer))
