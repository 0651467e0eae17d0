from mrk.jobs.starters import NOTED_LIMIT, Starters


def test_who_asked_is_known_once() -> None:
    starters = Starters()
    starters.accept_start(starters.note_start("a", "ann"))
    starters.accept_start(starters.note_start("a", None))
    assert starters.is_awaited("a")
    assert (starters.take("a"), starters.take("a")) == ("ann", None)
    assert not starters.is_awaited("a")


def test_what_was_refused_or_overtaken_is_forgotten() -> None:
    starters = Starters()
    starters.forget_start(starters.note_start("a", "ann"))
    assert starters.take("a") is None
    starters.note_start("a", "ann")
    assert (starters.take("b"), starters.take("a")) == (None, None)


def test_a_refused_repetition_takes_nothing_from_the_first() -> None:
    for begins_first in (False, True):
        starters = Starters()
        starters.accept_start(starters.note_start("a", "ann"))
        again = starters.note_start("a", "bob")
        if begins_first:
            assert starters.take("a") == "ann"
        starters.forget_start(again)
        assert starters.take("a") == (None if begins_first else "ann")
        assert not starters.is_awaited("a")


def test_the_printer_may_begin_before_it_answers() -> None:
    starters = Starters()
    number = starters.note_start("a", "ann")
    assert starters.take("a") == "ann"
    starters.accept_start(number)
    assert not starters.is_awaited("a")


def test_a_start_that_follows_is_kept_when_the_one_before_begins() -> None:
    starters = Starters()
    starters.accept_start(starters.note_start("a", "ann"))
    starters.accept_start(starters.note_start("b", "bob"))
    assert (starters.take("a"), starters.take("b")) == ("ann", "bob")


def test_one_that_began_unseen_is_nobody_elses() -> None:
    starters = Starters()
    for user in ("ann", "bob"):
        starters.accept_start(starters.note_start("a", user))
    assert (starters.take("a"), starters.take("a")) == ("bob", None)


def test_starts_that_never_happen_are_bounded() -> None:
    for extra, user in ((0, "u"), (1, None)):
        starters = Starters()
        for number in range(NOTED_LIMIT + extra):
            starters.note_start(str(number), "u")
        assert starters.take("0") == user


def test_what_an_earlier_generation_awaited_comes_first() -> None:
    starters = Starters()
    starters.accept_start(starters.note_start("c", "cyd"))
    starters.restore([("a", "ann"), ("b", None)])
    assert starters.awaited == [("a", "ann"), ("b", None), ("c", "cyd")]
    assert starters.is_awaited("a", 0)
    assert not starters.is_awaited("c", 0)
    assert starters.is_awaited("c", starters.last_number)
    assert starters.take("b") is None
    assert starters.awaited == [("c", "cyd")]


def test_the_same_start_again_has_the_user_of_the_earlier_one() -> None:
    starters = Starters()
    starters.restore([("a", "ann")])
    starters.accept_start(starters.note_start("a", None))
    assert (starters.is_awaited("a", 0), starters.is_awaited("a")) == (True, True)
    assert (starters.take("a"), starters.take("a")) == ("ann", None)


def test_who_keeps_the_starts_hears_of_those_that_came_and_went() -> None:
    starters, told = Starters(), []
    starters.on_change = lambda: told.append(starters.awaited)
    refused = starters.note_start("a", "ann")
    starters.forget_start(refused)
    starters.forget_start(refused)
    starters.note_start("b", None)
    assert starters.is_any_awaited
    # Whoever keeps a print forgets its start with it.
    starters.take("b")
    assert told == [[("a", "ann")], [], [("b", None)]]
    assert not starters.is_any_awaited


def test_an_early_look_may_show_the_end_of_the_first_of_two() -> None:
    for other in ("a", "b"):
        starters = Starters()
        starters.accept_start(starters.note_start("a", "ann"))
        seen = starters.last_number
        starters.accept_start(starters.note_start(other, "bob"))
        assert starters.take("a", seen) == "ann"
        assert starters.awaited == [(other, "bob")]
        assert starters.take("c", seen) is None
        assert starters.take(other) == "bob"
