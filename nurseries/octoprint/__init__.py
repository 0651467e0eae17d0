"""A small part of OctoPrint's HTTP API, for slicers."""

from nurseries.octoprint.octoprint import UPLOAD_PATHS, OctoPrint

__all__ = ["UPLOAD_PATHS", "OctoPrint"]
