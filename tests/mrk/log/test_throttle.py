from mrk.log.throttle import LogThrottle


def test_equal_lines_are_said_at_growing_intervals() -> None:
    repeats = LogThrottle(first_s=1, factor=4, limit_s=16)
    said_at = [second for second in range(60) if repeats.say("gone", float(second)) is not None]
    assert said_at == [0, 1, 5, 21, 37, 53]


def test_what_was_kept_back_is_counted() -> None:
    repeats = LogThrottle(first_s=10)
    repeats.say("gone", 0.0)
    assert repeats.say("gone", 9.9) is None
    assert repeats.say("gone", 9.95) is None
    assert repeats.say("gone", 10.0) == "gone (2 more since the last such line)"


def test_different_lines_do_not_hold_each_other_back() -> None:
    repeats = LogThrottle()
    assert repeats.say("one", 0.0) == "one"
    assert repeats.say("two", 0.0) == "two"


def test_a_long_silence_starts_anew() -> None:
    repeats = LogThrottle(first_s=1, limit_s=10)
    repeats.say("gone", 0.0)
    repeats.say("gone", 0.5)
    assert repeats.say("gone", 21.1) == "gone"
    assert repeats.say("gone", 21.2) is None
    assert repeats.say("gone", 22.1) is not None


def test_only_so_many_lines_are_remembered() -> None:
    repeats = LogThrottle(most=2)
    for text in ("a", "b", "c"):
        repeats.say(text, 0.0)
    assert repeats.say("a", 0.1) == "a"
    assert repeats.say("c", 0.1) is None
