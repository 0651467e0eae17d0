"""Passwords: stored text, checks, Moonraker's kind, and raised costs."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrk.access import passwords
from mrk.access.passwords import CURRENT, Cost, StoredPassword
from mrk.errors import ClientError

SALT = b"0123456789abcdef"
CHEAP = Cost(log2_n=2, r=1, p=1)


def check(password, stored, cost=CHEAP, imported_left=False):
    return passwords.check(password, stored, SALT, imported_left=imported_left, cost=cost)


def imported(password: bytes) -> StoredPassword:
    salt = bytes(range(32))
    return StoredPassword(hashlib.pbkdf2_hmac("sha256", password, salt, 100_000).hex(), salt.hex())


@given(st.binary(min_size=1, max_size=60), st.binary(min_size=1, max_size=60))
def test_only_the_same_password_is_right(password, other):
    stored = StoredPassword(passwords.hashed(password, SALT, CHEAP))
    assert check(password, stored) == passwords.Verdict(True)
    assert check(other, stored).right is (other == password)


def test_what_is_stored_names_its_cost():
    text = passwords.hashed(b"x", SALT)
    assert text.startswith(f"scrypt$14$8$3${SALT.hex()}$")
    assert Cost(14, 8, 3) == CURRENT


def test_a_raised_cost_renews():
    stored = StoredPassword(passwords.hashed(b"x", SALT, CHEAP))
    higher = Cost(log2_n=3, r=1, p=1)
    verdict = check(b"x", stored, higher)
    assert verdict.right
    assert verdict.renewed is not None
    assert verdict.renewed.startswith("scrypt$3$1$1$")
    assert check(b"x", StoredPassword(verdict.renewed), higher) == passwords.Verdict(True)
    assert check(b"y", stored, higher) == passwords.Verdict(False)


def test_moonrakers_kind_is_renewed():
    stored = imported("pässword".encode())
    verdict = check("pässword".encode(), stored)
    assert verdict.right
    assert check("pässword".encode(), StoredPassword(verdict.renewed or "")) == passwords.Verdict(
        True
    )
    assert check(b"password", stored) == passwords.Verdict(False)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        StoredPassword(""),
        StoredPassword("", "ab"),
        StoredPassword("x", "not hexadecimal"),
        StoredPassword("ldap", "00"),
        StoredPassword("scrypt$14$8$3$$"),
        StoredPassword("scrypt$1$0$0$ab$" + "0" * 64),
        StoredPassword("scrypt$30$64$1$ab$" + "0" * 64),
        StoredPassword("scrypt$0$1$1$ab$" + "0" * 64),
        StoredPassword("scrypt$2$1$1$abc$" + "0" * 64),
        StoredPassword("plain"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("imported_left", [False, True])
def test_nothing_opens_what_is_no_password(stored, imported_left):
    for password in (b"", b"x", b"plain", b"ldap"):
        assert check(password, stored, imported_left=imported_left) == passwords.Verdict(False)


def test_secrets_are_not_shown():
    shown = repr([StoredPassword("hash", "salt"), passwords.Verdict(True, "new hash")])
    assert "hash" not in shown
    assert "salt'" not in shown


def test_which_passwords_can_be_chosen():
    assert passwords.chosen("ü" * 512) == "ü".encode() * 512
    with pytest.raises(ClientError, match="longer than 1024 bytes"):
        passwords.chosen("ü" * 512 + "x")
    with pytest.raises(ClientError, match="empty"):
        passwords.chosen("")


def test_any_text_has_bytes():
    assert passwords.encoded("\ud800")
