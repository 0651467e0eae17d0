import logging

import pytest

from mrk.log.throttle import LogThrottle


def test_equal_lines_are_said_at_growing_intervals() -> None:
    throttle = LogThrottle(first_s=1, factor=4, limit_s=16)
    said_at = [second for second in range(60) if throttle.say("gone", float(second)) is not None]
    assert said_at == [0, 1, 5, 21, 37, 53]


def test_what_was_kept_back_is_counted() -> None:
    throttle = LogThrottle(first_s=10)
    throttle.say("gone", 0.0)
    assert throttle.say("gone", 9.9) is None
    assert throttle.say("gone", 9.95) is None
    assert throttle.say("gone", 10.0) == "gone (2 more since the last such line)"


def test_different_lines_do_not_hold_each_other_back() -> None:
    throttle = LogThrottle()
    assert throttle.say("one", 0.0) == "one"
    assert throttle.say("two", 0.0) == "two"


def test_a_long_silence_starts_anew() -> None:
    throttle = LogThrottle(first_s=1, limit_s=10)
    throttle.say("gone", 0.0)
    throttle.say("gone", 0.5)
    assert throttle.say("gone", 21.1) == "gone"
    assert throttle.say("gone", 21.2) is None
    assert throttle.say("gone", 22.1) is not None


def test_only_so_many_lines_are_remembered() -> None:
    throttle = LogThrottle(most=2)
    for text in ("a", "b", "c"):
        throttle.say(text, 0.0)
    assert throttle.say("a", 0.1) == "a"
    assert throttle.say("c", 0.1) is None


def test_what_stands_after_the_text_does_not_make_another_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    throttle, logger = LogThrottle(first_s=10), logging.getLogger("here")
    for second, reason in enumerate(("one", "two", "three")):
        throttle.log(logger, "gone", float(second), after=f": {reason}")
    throttle.log(logger, "gone", 10.0, after=": four", level=logging.ERROR)
    assert [(line.levelname, line.getMessage()) for line in caplog.records] == [
        ("WARNING", "gone: one"),
        ("ERROR", "gone (2 more since the last such line): four"),
    ]
    # The line's place is that of the caller.
    assert {line.filename for line in caplog.records} == {"test_throttle.py"}
