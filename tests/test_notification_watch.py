"""What the run's check of notifications lets pass, and what it does not."""

from typing import Any

import pytest

from tests.notification_watch import fault_of

PRESS = {"elapsed_time": 1.0, "received_time": 2, "render_time": 2.5, "pressed": True, "count": 1}
EVENT = {"name": "a", "type": "gpio", "event": PRESS, "aux": {"any": [1]}}


@pytest.mark.parametrize(
    ("method", "params", "fault"),
    [
        ("notify_klippy_ready", [], None),
        ("notify_klippy_ready", ["more"], "has 1 params, declared are 0"),
        ("notify_gcode_response", ["ok"], None),
        ("notify_gcode_response", [1], "Expected `str`, got `int`"),
        ("notify_button_event", [EVENT], None),
        ("notify_button_event", [{**EVENT, "more": 1}], "undeclared member more"),
        ("notify_button_event", [{**EVENT, "event": {**PRESS, "x": 1}}], "member event.x"),
        ("notify_button_event", [{**EVENT, "event": {}}], "required field `elapsed_time`"),
        ("notify_job_queue_changed", [{"action": "other"}], "Invalid enum value 'other'"),
        ("notify_of_an_add_on", [{"anything": 1}], None),
    ],
)
def test_what_is_wrong(method: str, params: list[Any], fault: str | None) -> None:
    found = fault_of(method, params)
    assert (found is None) is (fault is None)
    assert (fault or "") in (found or "")
