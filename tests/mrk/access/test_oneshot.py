"""One-shot tokens: once, in time, from the same address, and not too many."""

import pytest

from mrk.access.accounts import MOONRAKER, Account
from mrk.access.oneshot import LIFE_S, MOST, OneshotTokens
from mrk.definitions.roles import Role

ANNA = Account("anna", MOONRAKER, Role.ADMIN, 1.0)
HERE = "192.0.2.1"


def text(number: int) -> str:
    return f"{number:A>32}"


def test_once():
    waiting = OneshotTokens()
    waiting.add(text(1), ANNA, HERE, 0)
    assert waiting.take(text(1), HERE, LIFE_S - 0.1) is ANNA
    assert waiting.take(text(1), HERE, LIFE_S - 0.1) is None


@pytest.mark.parametrize(("address", "at_s"), [("192.0.2.2", 1), (HERE, LIFE_S), ("", 1)])
def test_a_wrong_use_uses_it_up(address, at_s):
    waiting = OneshotTokens()
    waiting.add(text(1), ANNA, HERE, 0)
    assert waiting.take(text(1), address, at_s) is None
    assert waiting.take(text(1), HERE, 0) is None


@pytest.mark.parametrize("other", ["", "x", text(2), "ü" * 32, "\ud800" * 32, "A" * 10**6])
def test_other_texts(other):
    waiting = OneshotTokens()
    waiting.add(text(1), ANNA, HERE, 0)
    assert waiting.take(other, HERE, 0) is None


def test_room_is_bounded_and_cleared():
    waiting = OneshotTokens()
    for number in range(MOST + 5):
        waiting.add(text(number), ANNA, HERE, 0)
    assert len(waiting) == MOST
    assert waiting.take(text(4), HERE, 0) is None
    assert waiting.take(text(5), HERE, 0) is ANNA
    waiting.add(text(0), ANNA, HERE, LIFE_S)
    assert len(waiting) == 1


def test_those_of_a_user_are_forgotten():
    waiting = OneshotTokens()
    ben = Account("ben", MOONRAKER, Role.ADMIN, 1.0)
    for number, account in enumerate((ANNA, ben, None)):
        waiting.add(text(number), account, HERE, 0)
    waiting.forget("anna")
    assert len(waiting) == 2
    assert waiting.take(text(1), HERE, 0) is ben
