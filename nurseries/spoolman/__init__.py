"""The spool reporter: filament use per spool, told to a Spoolman server (`[spoolman]`)."""

from nurseries.spoolman.link import SpoolmanLink
from nurseries.spoolman.reporter import SpoolReporter
from nurseries.spoolman.server import SpoolmanServer

__all__ = ["SpoolReporter", "SpoolmanLink", "SpoolmanServer"]
