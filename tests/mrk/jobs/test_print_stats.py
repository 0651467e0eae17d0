from typing import Any

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
        (stats("complete", total=4), stats("error", "b", 1), ["started", "error"]),
        (stats("printing", total=4), stats("printing", total=0.1), ["started"]),
        (stats("printing", total=4), stats("printing", "b", total=5), ["started"]),
        # States of forks say nothing that is known.
        (stats("printing", total=4), stats("forked", total=5), []),
        (stats("forked", total=4), stats("printing", total=5), ["started"]),
    ],
)
def test_what_changes_mean(old: PrintStats, new: PrintStats, events: list[str]) -> None:
    assert [event.value for event in changes(old, new)] == events


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
