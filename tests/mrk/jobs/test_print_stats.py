from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.jobs.print_stats import PrintStats, changes, missed

STATES = ["standby", "printing", "paused", "complete", "cancelled", "error", "forked"]


def stats(state: str, filename: str = "a.gcode", total: float = 0.0) -> PrintStats:
    return PrintStats(state, filename, total)


@pytest.mark.parametrize(
    ("old", "new", "events"),
    [
        (stats("standby", ""), stats("printing"), ["started"]),
        # Klipper names the file first, and starts it then.
        (stats("standby"), stats("printing"), ["started"]),
        (stats("printing", total=1), stats("printing", total=2), []),
        (stats("printing", total=1), stats("paused", total=2), ["paused"]),
        (stats("paused", total=2), stats("printing", total=3), ["resumed"]),
        (stats("paused", total=2), stats("printing", total=0.1), ["started"]),
        (stats("paused", total=2), stats("printing", "b", total=3), ["started"]),
        (stats("printing", total=3), stats("complete", total=4), ["completed"]),
        (stats("printing", total=3), stats("cancelled", total=4), ["cancelled"]),
        (stats("paused", total=3), stats("cancelled", total=4), ["cancelled"]),
        (stats("printing", total=3), stats("error", total=4), ["error"]),
        (stats("printing", total=3), stats("standby", ""), ["standby"]),
        (stats("complete", total=4), stats("standby", ""), ["standby"]),
        (stats("complete", total=4), stats("complete", total=4), []),
        # Between two reports:
        (stats("standby", ""), stats("paused"), ["started", "paused"]),
        (stats("standby", ""), stats("complete", total=0.1), ["started", "completed"]),
        (stats("complete", total=4), stats("complete", total=0.1), ["started", "completed"]),
        (stats("complete", total=4), stats("complete", total=4.5), ["started", "completed"]),
        (stats("complete", total=4), stats("error", "b", 1), ["started", "error"]),
        (stats("complete", "", 4), stats("error", "", 1), ["error"]),
        (stats("printing", total=4), stats("printing", total=0.1), ["started"]),
        (stats("printing", total=4), stats("printing", "b", total=5), ["started"]),
        (stats("printing", total=4), stats("complete", "b", total=5), ["started", "completed"]),
        (stats("paused", total=4), stats("cancelled", total=0.1), ["started", "cancelled"]),
        # States of forks say nothing that is known.
        (stats("printing", total=4), stats("forked", total=5), []),
        (stats("forked", total=4), stats("printing", total=5), ["started"]),
    ],
)
def test_what_changes_mean(old: PrintStats, new: PrintStats, events: list[str]) -> None:
    assert [event.value for event in changes(old, new)] == events


PRINTED = PrintStats("printing", "a", 5.0, 4.0, 3.0, "m")


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ('{"total_duration":6}', PrintStats("printing", "a", 6.0, 4.0, 3.0, "m")),
        ('{"total_duration":5.0,"filament_used":3.5}', PrintStats("printing", "a", 5, 4, 3.5, "m")),
        ('{"print_duration":4.5,"info":{"x":1}}', PrintStats("printing", "a", 5, 4.5, 3, "m")),
        ('{"print_duration":null,"message":null}', PRINTED),
        ('{"total_duration":4.9}', None),
        ('{"total_duration":6,"state":"printing"}', None),
        ('{"filename":""}', None),
        ('{"message":"x"}', None),
        ('{"state":1}', None),
        ('{"total_duration":"6"}', None),
        ('{"total_duration":true}', None),
        ('{"total_duration":NaN}', None),
        ("[]", None),
    ],
)
def test_figures_of_the_same_print(delta: str, expected: PrintStats | None) -> None:
    assert PRINTED.moved(msgspec.Raw(delta.encode())) == expected


@pytest.mark.parametrize("state", ["complete", "cancelled", "error"])
def test_figures_behind_the_end_of_a_print_are_those_of_another(state: str) -> None:
    assert stats(state).moved(msgspec.Raw(b'{"total_duration":1}')) is None
    late = stats(state, total=1).moved(msgspec.Raw(b'{"total_duration":1,"filament_used":2}'))
    assert late == PrintStats(state, "a.gcode", 1.0, filament_used=2.0)


@given(st.sampled_from(STATES), st.floats(0, 9), st.floats(0, 9))
def test_what_moved_is_what_merged_and_nothing_happened(
    state: str, before: float, after: float
) -> None:
    old = stats(state, total=before)
    moved = old.moved(msgspec.Raw(msgspec.json.encode({"total_duration": after})))
    if moved is not None:
        assert moved == old.merged({"total_duration": after})
        assert changes(old, moved) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (stats("standby", ""), stats("complete", total=1), True),
        (stats("complete", total=2), stats("complete", total=1), True),
        (stats("complete", "b", total=1), stats("cancelled", total=1), True),
        (stats("printing", total=5), stats("complete", total=1), True),
        (stats("printing", "b", total=1), stats("error", total=2), True),
        (stats("complete", total=1), stats("complete", total=1), False),
        (stats("printing", total=1), stats("complete", total=2), False),
        (stats("standby", ""), stats("complete", ""), False),
        (stats("standby", ""), stats("complete", "", total=1), False),
        (stats("standby", ""), stats("printing"), False),
    ],
)
def test_a_print_that_was_missed(old: PrintStats, new: PrintStats, expected: bool) -> None:
    assert missed(old, new) is expected


@given(
    st.lists(
        st.tuples(st.sampled_from(STATES), st.sampled_from(["", "a", "b"]), st.floats(0, 100)),
        max_size=12,
    )
)
def test_a_job_ends_only_after_it_began(looks: list[tuple[str, str, float]]) -> None:
    running = False
    before = PrintStats()
    for look in looks:
        after = PrintStats(*look)
        for event in changes(before, after):
            if event in ("paused", "resumed"):
                assert running
            running = event in ("started", "paused", "resumed")
        assert not after.is_active or running
        before = after


@given(
    st.dictionaries(
        st.sampled_from(["state", "filename", "total_duration", "x"]),
        st.none() | st.text() | st.floats() | st.booleans() | st.lists(st.none()),
    )
)
def test_anything_can_be_merged(delta: dict[str, Any]) -> None:
    merged = PrintStats(total_duration=1.0).merged(delta)
    assert isinstance(merged.state, str)
    assert merged.total_duration - merged.total_duration == 0.0


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({}, PRINTED),
        (
            {
                "state": "complete",
                "filename": "b",
                "message": "",
                "total_duration": 9,
                "print_duration": 8.5,
                "filament_used": 7.5,
                "info": {"current_layer": 1},
            },
            PrintStats("complete", "b", 9, 8.5, 7.5, ""),
        ),
        ({"state": None, "filename": 1, "message": []}, PRINTED),
        ({"total_duration": "9", "print_duration": True, "filament_used": None}, PRINTED),
        ({"total_duration": float("inf")}, PrintStats("printing", "a", 0.0, 4.0, 3.0, "m")),
    ],
)
def test_changed_fields_are_taken_where_they_fit(
    delta: dict[str, Any], expected: PrintStats
) -> None:
    assert PRINTED.merged(delta) == expected
