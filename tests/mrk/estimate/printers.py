"""Printers whose limits the tests of the estimator use."""

import msgspec

from mrk.estimate.printer_limits import Extruder, PrinterLimits, Retraction, extrude_only_default

AREA = Extruder(1.0, 1.0).filament_area
EXTRUDER = Extruder(extrude_only_default(300, 0.4, AREA), extrude_only_default(3000, 0.4, AREA))
# The printer that Klipper's own times were measured on.
MEASURED = PrinterLimits(max_z_velocity=15, max_z_accel=200, arc_mm=1.0, extruders=(EXTRUDER,))
FULL = msgspec.structs.replace(
    MEASURED, retraction=Retraction(0.8, 40, 0.1, 20), extruders=(EXTRUDER, EXTRUDER)
)
