"""What changed between two readings of users and keys, and names that nobody may have."""

import pytest
from msgspec.structs import replace

from mrk.access.accounts import LDAP, MOONRAKER, Account
from mrk.access.keys import MOST_KEYS, ApiKey, digest_of, find_key
from mrk.access.passwords import StoredPassword
from mrk.access.user_names import checked_name, checked_source, role_of
from mrk.access.users import (
    AccountSnapshot,
    Created,
    Deleted,
    KeyRevoked,
    LoggedOut,
    RoleChanged,
    User,
    changes,
    checked_admins,
)
from mrk.definitions.roles import Role
from mrk.errors import ClientError


def user(
    name: str, role: Role = Role.ADMIN, source: str = MOONRAKER, kid: str | None = "k"
) -> User:
    return User(Account(name, source, role, 1.0), StoredPassword("x"), kid)


def at(*users: User, keys: tuple[ApiKey, ...] = ()) -> AccountSnapshot:
    return AccountSnapshot({one.username: one for one in users}, keys, "", b"")


ANN = user("ann")
ANEW = replace(ANN, account=replace(ANN.account, created_on=2.0))


@pytest.mark.parametrize(
    ("before", "after", "heard"),
    [
        (at(ANN), at(ANN), []),
        (at(), at(ANN), [Created("ann")]),
        (at(), at(user("ann", source=LDAP)), []),
        (at(ANN), at(), [Deleted("ann")]),
        (at(ANN), at(ANEW), [Deleted("ann"), Created("ann")]),
        (at(ANN), at(user("ann", kid=None)), [LoggedOut("ann")]),
        (at(ANN), at(user("ann", kid="other")), [LoggedOut("ann")]),
        (at(user("ann", kid=None)), at(ANN), []),
        (at(ANN), at(user("ann", Role.VIEW)), [RoleChanged("ann", Role.VIEW)]),
    ],
)
def test_what_clients_hear(before: AccountSnapshot, after: AccountSnapshot, heard: list) -> None:
    assert changes(before, after) == heard


def test_who_came_with_a_named_key_hears_of_its_end() -> None:
    own = ApiKey("", digest_of("own"), Role.ADMIN, 1.0)
    display = ApiKey("display", digest_of("d"), Role.VIEW, 1.0)
    gone = [KeyRevoked("_API_KEY_USER_:display")]
    assert changes(at(keys=(own, display)), at(keys=(own, display))) == []
    assert changes(at(keys=(own, display)), at(keys=(own,))) == gone
    other_text = replace(display, digest=digest_of("e"))
    assert changes(at(keys=(own, display)), at(keys=(own, other_text))) == gone
    # Who came with the nameless one stays.
    assert changes(at(keys=(own,)), at(keys=())) == []


def test_keys_are_found_by_their_whole_text() -> None:
    known = [ApiKey(str(n), digest_of("k" * n), Role.VIEW, 1.0) for n in (255, 256, 257)]
    assert find_key("k" * 256, known) is known[1]
    assert find_key("k" * 257, known) is None
    assert MOST_KEYS == 50


def test_somebody_can_still_administer() -> None:
    viewer, admin = user("v", Role.VIEW).account, user("a").account
    assert checked_admins([])
    assert checked_admins([viewer, admin])
    assert not checked_admins([viewer])


def test_names_that_can_be() -> None:
    longest = "n" * 64
    assert checked_name("username", longest) == longest
    assert checked_name("username", "_API_KEY_USE_") == "_API_KEY_USE_"


@pytest.mark.parametrize(
    "name",
    ["", " ", " ann", "a\tb", "n" * 65, "_TRUSTED_USER_", "_API_KEY_USER_", "_API_KEY_USER_:x"],
)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(ClientError, match="Argument 'username'") as refused:
        checked_name("username", name)
    assert refused.value.status == 400


def test_words_of_sources_and_roles() -> None:
    assert checked_source(None, "ldap") == "ldap"
    assert (checked_source("LDAP", ""), checked_source("Moonraker", "")) == (LDAP, MOONRAKER)
    assert (role_of(None), role_of("View"), role_of("operate")) == (
        *(Role.ADMIN, Role.VIEW),
        Role.OPERATE,
    )
    for unknown in (lambda: checked_source("local", ""), lambda: role_of("root")):
        with pytest.raises(ClientError):
            unknown()
