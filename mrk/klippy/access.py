"""What a caller must be for one of Klippy's own endpoints, known ones and those of extras."""

from mrk.api.endpoint import Access

# Reading alone; everything else may move or heat the machine, so also what nobody knows.
_READING = frozenset(
    {
        "info",
        "list_endpoints",
        "query_endstops/status",
        "gcode/help",
        "bed_mesh/dump_mesh",
        "objects/list",
        "objects/query",
        "objects/subscribe",
    }
)


def klippy_access(name: str) -> Access:
    """`VIEW` for what only reads, `OPERATE` for the rest."""
    return Access.VIEW if name in _READING else Access.OPERATE
