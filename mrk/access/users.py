"""Users and keys as the database holds them, and what changed between two readings of it."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from mrk.access.accounts import LDAP, Account
from mrk.access.keys import ApiKey
from mrk.access.passwords import StoredPassword
from mrk.access.redacted import Redacted
from mrk.access.tokens import same_kid
from mrk.definitions.roles import Role


class User(Redacted, frozen=True):
    """One user. `kid` is what valid tokens carry, None while logged out everywhere."""

    account: Account
    stored: StoredPassword
    kid: str | None = None

    @property
    def username(self) -> str:
        return self.account.username

    @property
    def is_local(self) -> bool:
        """Whether the password is kept here."""
        return self.account.source != LDAP


class AccountSnapshot(Redacted, frozen=True):
    """All of it at one moment. `api_key` is the text of the key without a name."""

    users: Mapping[str, User]
    keys: tuple[ApiKey, ...]
    api_key: str
    signing_key: bytes

    @property
    def imported_left(self) -> bool:
        """Whether passwords are left as Moonraker wrote them."""
        return any(user.stored.is_imported for user in self.users.values())


class Created(msgspec.Struct, frozen=True):
    """A local user is new."""

    username: str


class LoggedOut(msgspec.Struct, frozen=True):
    """A user's tokens ended."""

    username: str


class Deleted(msgspec.Struct, frozen=True):
    """A user is gone."""

    username: str


class RoleChanged(msgspec.Struct, frozen=True):
    """A user or the bearer of a key may do something else from now on."""

    username: str
    role: Role


class KeyRevoked(msgspec.Struct, frozen=True):
    """A named key is gone or has another text; `username` stands for its bearer."""

    username: str


Change = Created | LoggedOut | Deleted | RoleChanged | KeyRevoked


def changes(old: AccountSnapshot, new: AccountSnapshot) -> list[Change]:
    """What clients must hear or feel of it."""
    return [*_user_changes(old.users, new.users), *_key_changes(old.keys, new.keys)]


def _user_changes(old: Mapping[str, User], new: Mapping[str, User]) -> Iterator[Change]:
    for name, before in old.items():
        after = new.get(name)
        # Deleted and made anew between two looks: another person, for all we know.
        if after is None or after.account.created_on != before.account.created_on:
            yield Deleted(name)
            continue
        if before.kid and not same_kid(before.kid, after.kid or ""):
            yield LoggedOut(name)
        if after.account.role is not before.account.role:
            yield RoleChanged(name, after.account.role)
    for name, after in new.items():
        before_it = old.get(name)
        is_new = before_it is None or before_it.account.created_on != after.account.created_on
        if is_new and after.is_local:
            yield Created(name)


def _key_changes(old: Iterable[ApiKey], new: Iterable[ApiKey]) -> Iterator[Change]:
    now = {key.name: key for key in new}
    for before in old:
        # Who came with the nameless key stays, as with Moonraker.
        if before.name and now.get(before.name) != before:
            yield KeyRevoked(before.account.username)


def checked_admins(users: Iterable[Account]) -> bool:
    """Whether somebody can still administer: while there are users, one of them is an admin.

    Without any user trusted clients are admins.
    """
    roles = [user.role for user in users]
    return not roles or Role.ADMIN in roles
