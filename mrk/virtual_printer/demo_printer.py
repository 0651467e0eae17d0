"""The demo's printer: large and quick enough for files that were sliced for common machines.

Its macros are those that front ends ask for.
"""

from mrk.virtual_printer.gcode.macro import MacroSource
from mrk.virtual_printer.printer_model import Axis, PrinterModel

_PAUSE = """
PAUSE_BASE
{% if printer.toolhead.homed_axes == "xyz" %}
  {% set top = printer.toolhead.axis_maximum[2] %}
  {% set z = [printer.toolhead.position[2] + 10, top] | min %}
  G91
  {% if printer.extruder.can_extrude %}
    G1 E-1 F2100
  {% endif %}
  G90
  G1 Z{z} F3000
  G1 X10 Y{printer.toolhead.axis_maximum[1] - 10} F18000
{% endif %}
"""
_RESUME = """
{% if printer.extruder.can_extrude %}
  G91
  G1 E1 F2100
  G90
{% endif %}
RESUME_BASE
"""
DEMO_PRINTER = PrinterModel(
    # Prusa's intro line lies at Y-3. A pause has to wait for the end of a G28: from the farthest
    # corner both take less than the 6 s that some clients wait for an answer.
    axes=(
        Axis(-10.0, 300.0, 0.0, 300.0),
        Axis(-10.0, 300.0, 0.0, 300.0),
        Axis(-2.0, 250.0, 0.0, 200.0),
    ),
    max_z_velocity=200.0,
    max_z_accel=3000.0,
    # Intro lines of many slicers are thicker than Klipper's default allows.
    max_extrude_cross_section=5.0,
    noise_c=0.06,
    macros=(
        MacroSource("PAUSE", _PAUSE, "Pause the print and park", "PAUSE_BASE"),
        MacroSource("RESUME", _RESUME, "Resume the print", "RESUME_BASE"),
    ),
)
