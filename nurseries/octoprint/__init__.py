"""A small part of OctoPrint's HTTP API, for slicers."""
