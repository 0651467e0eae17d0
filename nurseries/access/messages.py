"""What access.* methods are given and answer, as clients know it. Times are Unix seconds."""

from typing import Literal

import msgspec

from mrk.access.redacted import Redacted


class LoginParams(Redacted, frozen=True):
    """`source` is where the password is checked, the configured one when it is left out."""

    username: str
    password: str
    source: str | None = None


class NewUserParams(Redacted, frozen=True):
    """A local user; `role` view, operate or admin, the latter when it is left out."""

    username: str
    password: str
    source: str | None = None
    role: str | None = None


class UserParams(msgspec.Struct, frozen=True):
    """One user."""

    username: str


class RoleParams(msgspec.Struct, frozen=True):
    """What a user may do from now on: view, operate or admin."""

    username: str
    role: str


class PasswordParams(Redacted, frozen=True):
    """`password` is the current one."""

    password: str
    new_password: str


class RefreshParams(Redacted, frozen=True):
    """A refresh token, from a log-in."""

    refresh_token: str


class KeyParams(msgspec.Struct, frozen=True):
    """A named API key."""

    name: str


class NewKeyParams(msgspec.Struct, frozen=True):
    """A new API key: its name, and what its bearer may do (admin when left out)."""

    name: str
    role: str | None = None


LoggedInAction = Literal["user_logged_in", "user_created"]


class LoggedIn(Redacted, frozen=True):
    """A user with fresh tokens."""

    username: str
    token: str
    refresh_token: str
    action: LoggedInAction
    source: str


class Refreshed(Redacted, frozen=True):
    """A new access token."""

    username: str
    token: str
    source: str
    action: Literal["user_jwt_refresh"] = "user_jwt_refresh"


class Done(msgspec.Struct, frozen=True):
    """What happened to which user."""

    username: str
    action: str


class RoleSet(msgspec.Struct, frozen=True):
    """What a user may do now."""

    username: str
    role: str
    action: Literal["user_role_set"] = "user_role_set"


class CurrentUser(msgspec.Struct, frozen=True):
    """Who asks; all null when that is no user."""

    username: str | None = None
    source: str | None = None
    created_on: float | None = None


class ListedUser(msgspec.Struct, frozen=True):
    """One user."""

    username: str
    source: str
    created_on: float
    role: str


class UserList(msgspec.Struct, frozen=True):
    """All users."""

    users: list[ListedUser]


class AccessInfo(msgspec.Struct, frozen=True):
    """How callers can log in, and what was decided about this one.

    `trusted` says that the address is on the list of trusted clients, null without an address.
    `reason` says in words why the caller is authorized or not; `role` is null when it is not.
    """

    default_source: str
    available_sources: list[str]
    login_required: bool
    trusted: bool | None
    authorized: bool
    reason: str
    user: str | None
    role: str | None


class ListedKey(msgspec.Struct, frozen=True):
    """A named API key; its text is not kept."""

    name: str
    role: str
    created_on: float


class KeyList(msgspec.Struct, frozen=True):
    """All named API keys."""

    keys: list[ListedKey]


class NewKey(Redacted, frozen=True):
    """A named API key, and its text, which is shown this once."""

    name: str
    role: str
    created_on: float
    api_key: str


class KeyRevokedAnswer(msgspec.Struct, frozen=True):
    """A named API key that opens nothing any more."""

    name: str
    action: Literal["key_revoked"] = "key_revoked"
