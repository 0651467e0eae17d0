"""Whose a name is, by what a broker has kept of it and what comes later."""

from mrk.mqtt.instance_name import MARK_BYTES, MOST_ANSWERS, NameClaim, names
from mrk.mqtt.payloads import OFFLINE, ONLINE

OWN, OTHER = "b" * 16, b"a" * 16


def claim(*, left_before=False):
    return NameClaim(OWN, left_before)


def test_names_in_turn():
    assert names("shop", "0123456789abcdef") == ("shop", "shop-0123", "shop-0123456789abcdef")


def test_a_name_that_nobody_marked_is_free():
    one = claim()
    one.hear_status(ONLINE, ONLINE)  # maybe our own last connection's
    assert not one.is_taken
    one.hear(one.mark)
    assert not one.is_taken


def test_a_name_is_another_s_who_is_there():
    one = claim()
    one.hear(OTHER)
    assert not one.is_taken  # gone: as after a new installation on the same machine
    one.hear_status(OFFLINE, ONLINE)
    assert not one.is_taken
    one.hear_status(ONLINE, ONLINE)
    assert one.is_taken


def test_a_name_that_was_left_stays_the_other_s():
    one = claim(left_before=True)
    assert not one.is_taken
    one.hear(OTHER)
    assert one.is_taken


def test_what_is_no_mark_is_not_heard():
    one = claim(left_before=True)
    for payload in (b"", one.probe, b"?" + OTHER, b"x" * (MARK_BYTES + 1)):
        one.hear(payload)
        assert one.answer(payload) is None
        assert not one.is_taken


def test_of_two_that_come_at_once_the_smaller_stays():
    smaller, larger = NameClaim("a" * 16, False), NameClaim("b" * 16, False)
    assert smaller.answer(larger.mark) == smaller.mark
    assert larger.answer(smaller.mark) is None
    assert (smaller.is_taken, larger.is_taken) == (False, True)


def test_answers_are_bounded():
    one = NameClaim("a", False)
    said = [one.answer(f"b{number}".encode()) for number in range(20)]
    assert said == [b"a"] * MOST_ANSWERS + [None] * (20 - MOST_ANSWERS)
