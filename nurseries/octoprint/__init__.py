"""A small part of OctoPrint's HTTP API, for slicers."""

from nurseries.octoprint.octoprint import OctoPrint

__all__ = ["OctoPrint"]
