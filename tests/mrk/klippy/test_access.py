import pytest

from mrk.api.endpoint import Access
from mrk.klippy.access import klippy_access


@pytest.mark.parametrize(
    "name",
    [
        "info",
        "list_endpoints",
        "gcode/help",
        "bed_mesh/dump_mesh",
        "objects/list",
        "objects/query",
        "objects/subscribe",
        "query_endstops/status",
    ],
)
def test_reading_is_for_viewers(name: str) -> None:
    assert klippy_access(name) is Access.VIEW


@pytest.mark.parametrize(
    "name",
    [
        "gcode/script",
        "emergency_stop",
        "pause_resume/cancel",
        "some_extra/jump",
        "objects",
        "objects/set",
        "x/info",
    ],
)
def test_everything_else_operates(name: str) -> None:
    assert klippy_access(name) is Access.OPERATE
