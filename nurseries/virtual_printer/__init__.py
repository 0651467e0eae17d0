"""The virtual printer, served: `VirtualPrinter` on a unix socket or on given streams.

Run by `mrk demo`, `mrk virtual-printer` and test fixtures; the rules are in `mrk/virtual_printer`.
"""

from nurseries.virtual_printer.gcodes import DiskFolder, sample_gcode
from nurseries.virtual_printer.service import VirtualPrinter, VirtualPrinterSettings

__all__ = ["DiskFolder", "VirtualPrinter", "VirtualPrinterSettings", "sample_gcode"]
