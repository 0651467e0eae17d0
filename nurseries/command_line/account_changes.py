"""`mrk user` and `mrk key`: for a person at the host who cannot log in, with or without a daemon.

Functions on the open database, which the root opens; a running daemon notices what they wrote
within seconds.
"""

import secrets
import time
from datetime import datetime

from mrk.access import passwords
from mrk.access.keys import checked_key_name
from mrk.access.user_names import checked_name, role_of
from mrk.database.database_protocols import SqlConnection
from nurseries.access import store


def hashed(password: str) -> str:
    """The text to store; takes a tenth of a second. Raises `ClientError`."""
    data = passwords.chosen(password)
    return passwords.hashed(data, secrets.token_bytes(passwords.SALT_BYTES))


def add_user(connection: SqlConnection, name: str, stored: str, role: str | None) -> str:
    """Create a user; returns what to print, as all of these do."""
    user = store.NewUser(checked_name("username", name), stored, role_of(role))
    store.add_user(connection, user, time.time())
    return f"User '{name}' was added as {user.role.word}."


def remove_user(connection: SqlConnection, name: str) -> str:
    """Delete a user; its sockets and tokens end."""
    store.remove_user(connection, name)
    return f"User '{name}' was removed."


def set_password(connection: SqlConnection, name: str, stored: str) -> str:
    """Give a user another password, log it out everywhere, and let everybody try again."""
    store.set_password(connection, name, stored)
    store.log_out(connection, name)
    store.clear_counts(connection)
    return f"The password of '{name}' was changed; '{name}' is logged out everywhere."


def set_role(connection: SqlConnection, name: str, role: str) -> str:
    """Set what a user may do."""
    store.set_role(connection, name, role_of(role))
    return f"User '{name}' may {_MAY[role]}."


def unlock(connection: SqlConnection) -> str:
    """Forget all failed log-ins."""
    store.clear_counts(connection)
    return "Failed log-ins are forgotten; nobody is locked out."


def list_users(connection: SqlConnection) -> str:
    """A table of users."""
    found = [user.account for user in store.users(connection).values()]
    if not found:
        return "There are no users."
    return _table([(u.username, u.role.word, u.source, _day(u.created_on)) for u in found])


def create_key(connection: SqlConnection, name: str, role: str | None) -> str:
    """A new named key; what is printed is the only place where it can be read."""
    text = store.create_key(connection, checked_key_name(name), role_of(role), time.time())
    return text


def revoke_key(connection: SqlConnection, name: str) -> str:
    """End a named key."""
    store.revoke_key(connection, name)
    return f"Key '{name}' was revoked."


def list_keys(connection: SqlConnection) -> str:
    """A table of named keys."""
    found = store.named_keys(connection)
    if not found:
        return "There are no named keys."
    return _table([(key.name, key.role.word, _day(key.created_on)) for key in found])


_MAY = {"view": "look", "operate": "look and print", "admin": "do everything"}


def _day(time_s: float) -> str:
    return datetime.fromtimestamp(time_s).strftime("%Y-%m-%d")


def _table(rows: list[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)
