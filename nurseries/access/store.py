"""Users, keys and failed log-ins as rows; functions for the database's thread.

Each is called inside one transaction. What a caller may not do is a `ClientError` 400, and then
nothing is stored.
"""

import os

from mrk.access.accounts import API_KEY_USER, LDAP, MOONRAKER, Account
from mrk.access.keys import KEY_BYTES, MOST_KEYS, ApiKey, digest_of
from mrk.access.login_guard import Count
from mrk.access.passwords import StoredPassword
from mrk.access.redacted import Redacted
from mrk.access.tokens import KEY_BYTES as SIGNING_BYTES
from mrk.access.users import AccountSnapshot, User, checked_admins
from mrk.database.database_protocols import SqlConnection
from mrk.definitions.roles import ROLE_WORDS, Role
from mrk.errors import ClientError, MrkError

# All of them are in memory, and listed in one answer.
MOST_USERS = 200
_SIGNING = "jwt"
_KID_BYTES = 12


def prepare(connection: SqlConnection, now_s: float) -> None:
    """Make the keys that every installation has."""
    connection.execute(
        "INSERT OR IGNORE INTO signing_keys (purpose, key_text) VALUES (?, ?)",
        (_SIGNING, os.urandom(SIGNING_BYTES).hex()),
    )
    connection.execute(
        "INSERT OR IGNORE INTO api_keys (owner, key_text, created_on) VALUES (?, ?, ?)",
        (API_KEY_USER, os.urandom(KEY_BYTES).hex(), now_s),
    )


def read(connection: SqlConnection) -> AccountSnapshot:
    """Everything; `prepare` was called before."""
    (signing,) = connection.execute(
        "SELECT key_text FROM signing_keys WHERE purpose = ?", (_SIGNING,)
    ).fetchone()
    text, created_on = connection.execute(
        "SELECT key_text, created_on FROM api_keys WHERE owner = ?", (API_KEY_USER,)
    ).fetchone()
    return AccountSnapshot(
        users=users(connection),
        keys=(ApiKey("", digest_of(text), Role.ADMIN, created_on), *named_keys(connection)),
        api_key=text,
        signing_key=bytes.fromhex(signing),
    )


def users(connection: SqlConnection) -> dict[str, User]:
    """All users, the oldest first."""
    rows = connection.execute(
        "SELECT username, source, role, created_on, password, salt, jwk_id FROM users"
        " ORDER BY created_on, rowid"
    )
    return {
        name: User(
            Account(name, source, _role(role), created), StoredPassword(stored, salt), kid or None
        )
        for name, source, role, created, stored, salt, kid in rows
    }


def named_keys(connection: SqlConnection) -> list[ApiKey]:
    """Named keys, the oldest first."""
    rows = connection.execute(
        "SELECT name, key_digest, role, created_on FROM named_keys ORDER BY created_on, rowid"
    )
    return [
        ApiKey(name, bytes.fromhex(digest), _role(role), created)
        for name, digest, role, created in rows
    ]


def _role(word: str) -> Role:
    # What a newer mrk may have written is the least.
    return Role[word.upper()] if word in ROLE_WORDS else Role.VIEW


class NewUser(Redacted, frozen=True):
    """What is stored of a new user; `stored` is empty for one of LDAP."""

    username: str
    stored: str
    role: Role = Role.ADMIN
    source: str = MOONRAKER


def add_user(connection: SqlConnection, user: NewUser, now_s: float) -> None:
    """Create a user, who has tokens at once."""
    known = users(connection)
    if user.username in known:
        raise ClientError(f"User '{user.username}' exists already")
    if len(known) >= MOST_USERS:
        raise ClientError(f"There are {MOST_USERS} users, the limit: delete one first")
    connection.execute(
        "INSERT INTO users (username, password, salt, source, created_on, role)"
        " VALUES (?, ?, '', ?, ?, ?)",
        (user.username, user.stored, user.source, now_s, user.role.word),
    )
    _give_key_id(connection, user.username)
    _keep_an_admin(connection)


def remove_user(connection: SqlConnection, username: str) -> None:
    """Delete a user, and with it all its tokens."""
    connection.execute("DELETE FROM users WHERE username = ?", (_known(connection, username),))
    _keep_an_admin(connection)


def set_role(connection: SqlConnection, username: str, role: Role) -> None:
    """From now on a user may do what `role` may."""
    connection.execute(
        "UPDATE users SET role = ? WHERE username = ?", (role.word, _known(connection, username))
    )
    _keep_an_admin(connection)


def set_password(connection: SqlConnection, username: str, stored: str) -> None:
    """Replace a local user's password; tokens stay valid."""
    user = users(connection)[_known(connection, username)]
    if not user.is_local:
        raise ClientError(f"User '{username}' logs in with LDAP: the password is changed there")
    connection.execute(
        "UPDATE users SET password = ?, salt = '' WHERE username = ?", (stored, username)
    )


class PasswordChanged(MrkError):
    """The user is not any more what a password was compared with."""


def log_in(
    connection: SqlConnection, username: str, old: StoredPassword, renewed: str | None
) -> None:
    """Give a user a key id if it has none, and store the same password at today's cost.

    `old` is what the password was compared with. Raises `PasswordChanged`.
    """
    user = users(connection).get(username)
    if user is None or not user.is_local or user.stored != old:
        raise PasswordChanged
    if renewed is not None:
        connection.execute(
            "UPDATE users SET password = ?, salt = '' WHERE username = ?", (renewed, username)
        )
    _give_key_id(connection, username)


def log_in_ldap(connection: SqlConnection, username: str, now_s: float) -> None:
    """The same for a user whom an LDAP server let in; the first time creates it.

    Raises `PasswordChanged` when a local user has that name.
    """
    user = users(connection).get(username)
    if user is None:
        add_user(connection, NewUser(username, "", source=LDAP), now_s)
    elif user.is_local:
        raise PasswordChanged
    else:
        _give_key_id(connection, username)


def _give_key_id(connection: SqlConnection, username: str) -> None:
    connection.execute(
        "UPDATE users SET jwk_id = ? WHERE username = ? AND coalesce(jwk_id, '') = ''",
        (os.urandom(_KID_BYTES).hex(), username),
    )


def log_out(connection: SqlConnection, username: str) -> None:
    """End all tokens of a user."""
    connection.execute("UPDATE users SET jwk_id = NULL WHERE username = ?", (username,))


def replace_api_key(connection: SqlConnection, now_s: float) -> None:
    """A new text for the key without a name."""
    connection.execute(
        "INSERT OR REPLACE INTO api_keys (owner, key_text, created_on) VALUES (?, ?, ?)",
        (API_KEY_USER, os.urandom(KEY_BYTES).hex(), now_s),
    )


def create_key(connection: SqlConnection, name: str, role: Role, now_s: float) -> str:
    """A new named key; returns its text, which is kept nowhere."""
    names = [row[0] for row in connection.execute("SELECT name FROM named_keys")]
    if name in names:
        raise ClientError(f"A key named '{name}' exists already: revoke it first")
    if len(names) >= MOST_KEYS:
        raise ClientError(f"There are {MOST_KEYS} keys, the limit: revoke one first")
    text = os.urandom(KEY_BYTES).hex()
    connection.execute(
        "INSERT INTO named_keys (name, key_digest, role, created_on) VALUES (?, ?, ?, ?)",
        (name, digest_of(text).hex(), role.word, now_s),
    )
    return text


def revoke_key(connection: SqlConnection, name: str) -> None:
    """A named key opens nothing from now on."""
    if connection.execute("DELETE FROM named_keys WHERE name = ?", (name,)).rowcount != 1:
        raise ClientError(f"There is no key named '{name[:64]}'")


def read_counts(connection: SqlConnection) -> list[Count]:
    """Failed log-ins."""
    rows = connection.execute("SELECT kind, name, failures, last_time FROM failed_logins")
    return [Count(*row) for row in rows]


def write_counts(connection: SqlConnection, stored: list[Count], removed: list[Count]) -> None:
    """Store some and remove others."""
    connection.executemany(
        "DELETE FROM failed_logins WHERE kind = ? AND name = ?",
        [(count.kind, count.name) for count in removed],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO failed_logins (kind, name, failures, last_time)"
        " VALUES (?, ?, ?, ?)",
        [(count.kind, count.name, count.failures, count.last_s) for count in stored],
    )


def clear_counts(connection: SqlConnection) -> None:
    """Forget all failed log-ins, and let in who was locked out."""
    connection.execute("DELETE FROM failed_logins")


def _known(connection: SqlConnection, username: str) -> str:
    if username not in users(connection):
        raise ClientError(f"There is no user '{username[:64]}'")
    return username


def _keep_an_admin(connection: SqlConnection) -> None:
    if not checked_admins(user.account for user in users(connection).values()):
        raise ClientError(
            "Nobody could administer any more: make or leave at least one user an admin"
        )
