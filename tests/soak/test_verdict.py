"""What a soak calls a leak."""

from collections import Counter

import pytest

from tests.soak.verdict import (
    Print,
    Snapshot,
    complaints,
    history_complaints,
    said_of,
    same_but_for_memory,
    work_complaints,
)

MB = 1_000_000
START = Snapshot(
    resident_bytes=38 * MB,
    descriptors=Counter({"socket:[N]": 3}),
    threads=Counter({"python": 2}),
    tasks=Counter({"door": 1}),
    files=frozenset({"data/config/moonraker.conf"}),
    allocators={"malloc_used": 5},
)


def later(**changed):
    fields = {name: getattr(START, name) for name in Snapshot.__slots__}
    return Snapshot(**{**fields, **changed})


def test_back_where_it_was():
    assert complaints(START, START, 0) == []
    assert same_but_for_memory(START, later(resident_bytes=90 * MB))


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (
            {"descriptors": Counter({"socket:[N]": 5})},
            "descriptor left behind: 2 x socket:[N] (3 at the start, 5 at the end)",
        ),
        (
            {"threads": Counter({"python": 2, "zip": 1})},
            "thread left behind: 1 x zip (0 at the start, 1 at the end)",
        ),
        (
            {"tasks": Counter({"door": 1, "call": 1})},
            "task left behind: 1 x call (0 at the start, 1 at the end)",
        ),
        ({"files": frozenset({"tmp/half"})}, "file left behind: tmp/half"),
    ],
)
def test_each_leak_is_named(changed, text):
    assert complaints(START, later(**changed), 0) == [text]
    assert not same_but_for_memory(START, later(**changed))


def test_a_thread_is_told_with_where_it_is():
    grown = later(threads=Counter({"python": 3}), stacks=("worker in os.py:1 read",))
    assert complaints(START, grown, 0) == [
        "thread left behind: 1 x python (2 at the start, 3 at the end)",
        "thread: worker in os.py:1 read",
    ]


def test_less_than_before_is_no_leak():
    assert complaints(START, later(threads=Counter(), files=frozenset()), 0) == []


def test_memory_at_its_bound_and_beyond():
    grown = later(resident_bytes=50 * MB, allocators={"malloc_used": 9})
    assert complaints(START, grown, 12 * MB) == []
    (text,) = complaints(START, grown, 12 * MB - 1)
    assert "38.0 MB became 50.0 MB, 12.0 MB more" in text
    assert "malloc_used 5 -> 9" in text


def row(filename, status, job_id="000001"):
    return {"filename": filename, "status": status, "job_id": job_id}


def test_history_as_it_happened():
    prints = [Print("a", "complete"), Print("b", "cancelled")]
    assert history_complaints(prints, [row("b", "cancelled"), row("a", "completed")]) == []


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], "history: a has 0 rows, not one: []"),
        (
            [row("a", "server_exit"), row("a", "completed")],
            "history: a has 2 rows, not one: ['server_exit', 'completed']",
        ),
        ([row("a", "server_exit")], "history: a ended completed, row 000001 says server_exit"),
    ],
)
def test_history_that_is_wrong(rows, text):
    assert history_complaints([Print("a", "complete")], rows) == [text]


def test_a_row_without_a_print():
    assert history_complaints([], [row("a", "completed")]) == [
        "history: a has a row and was never printed"
    ]


def test_what_the_log_says_of_a_print_is_shown():
    log = "\n".join([*"abcdefghijk", "job started: 1.gcode", *"lmnopqrstuv"])
    said = said_of(["history: 1.gcode has 0 rows, not one: []", "1 tracebacks in the log"], log)
    assert "".join(said) == "defghijkjob started: 1.gcodelmnopqrs"
    assert said_of(["thread left behind"], log) == []


def test_a_soak_has_to_have_printed():
    assert work_complaints([Print("a", "complete"), Print("b", "cancelled")]) == []
    assert work_complaints([Print("a", "complete"), Print("b", "error")]) == [
        "print: none ended cancelled",
        "print: 1 ended error",
    ]
