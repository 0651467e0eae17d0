"""The compiled kernel where it was built, the planner in Python elsewhere."""

from typing import Any

from mrk.estimate.planner import Planner as PythonPlanner
from mrk.estimate.printer_limits import PrinterLimits


def new_planner(limits: PrinterLimits, **options: Any) -> Any:
    """A planner for one file; options are those of `planner.Planner`."""
    return PythonPlanner(limits, **options)
