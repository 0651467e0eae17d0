from mrk.jobs.starters import NOTED_LIMIT, Starters


def test_who_asked_is_known_once() -> None:
    starters = Starters()
    starters.note_start("a", "ann")
    starters.note_start("a", None)
    assert (starters.take("a"), starters.take("a")) == ("ann", None)


def test_what_was_refused_or_overtaken_is_forgotten() -> None:
    starters = Starters()
    starters.note_start("a", "ann")
    starters.forget_start("a")
    assert starters.take("a") is None
    starters.note_start("a", "ann")
    assert (starters.take("b"), starters.take("a")) == (None, None)


def test_starts_that_never_happen_are_bounded() -> None:
    for extra, user in ((0, "u"), (1, None)):
        starters = Starters()
        for number in range(NOTED_LIMIT + extra):
            starters.note_start(str(number), "u")
        assert starters.take("0") == user
