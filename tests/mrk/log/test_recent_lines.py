import logging

import pytest

from mrk.log.recent_lines import LINE_CHARS, LogLines, RecentLines, level_word


def filled(count: int, **bounds: int) -> RecentLines:
    recent = RecentLines(**bounds)
    for number in range(1, count + 1):
        level = logging.WARNING if number % 2 else logging.INFO
        recent.add(float(number), level, "a.b", f"line {number}")
    return recent


def messages(found: LogLines) -> list[str]:
    return [line.message for line in found.lines]


def test_all_lines_and_then_those_that_came_since() -> None:
    recent = filled(3)
    first = recent.after(0, "debug", 10)
    assert messages(first) == ["line 1", "line 2", "line 3"]
    assert (first.next, first.skipped) == (3, 0)
    assert recent.after(first.next, "debug", 10) == LogLines([], 3, 0)
    recent.add(4.0, logging.ERROR, "a", "line 4")
    assert messages(recent.after(first.next, "debug", 10)) == ["line 4"]


def test_a_level_leaves_lower_ones_out_and_loses_none() -> None:
    found = filled(4).after(0, "warning", 10)
    assert messages(found) == ["line 1", "line 3"]
    assert (found.next, found.skipped) == (4, 0)


def test_a_slow_reader_learns_how_many_it_missed() -> None:
    recent = filled(10, most_lines=4)
    assert messages(recent.after(2, "debug", 10)) == ["line 7", "line 8", "line 9", "line 10"]
    assert recent.after(2, "debug", 10).skipped == 4
    assert recent.after(6, "debug", 10).skipped == 0
    assert recent.after(5, "debug", 2).skipped == 1 + 2
    assert recent.after(0, "debug", 2).skipped == 0


def test_a_number_of_another_process_begins_anew() -> None:
    assert messages(filled(2).after(900, "debug", 10)) == ["line 1", "line 2"]


def test_characters_are_bounded_in_all_and_for_each_line() -> None:
    recent = RecentLines(most_chars=2 * LINE_CHARS)
    for _ in range(5):
        recent.add(0.0, logging.INFO, "a", "x" * (LINE_CHARS + 7))
    found = recent.after(0, "debug", 10)
    assert len(found.lines) == 1
    assert found.lines[0].message.endswith("x... (7 more characters)")


@pytest.mark.parametrize(
    ("level", "word"), [(10, "debug"), (5, "debug"), (20, "info"), (30, "warning"), (50, "error")]
)
def test_levels(level: int, word: str) -> None:
    assert level_word(level) == word
