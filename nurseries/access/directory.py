"""Users of an LDAP server, asked in a thread with a deadline.

The library is loaded with the first question. What users type goes into filters escaped, and is
bound with only when it is not empty: many servers take an empty password for nobody in particular
and say yes.
"""

import contextlib
import importlib.util
import logging
import os
import re
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import trio

from config.settings.ldap import PLACEHOLDER, LdapSettings
from mrk.extras import install_advice
from nurseries.access.logins import LdapUnavailable

logger = logging.getLogger(__name__)
# For everything, the name look-up of the server included.
DEADLINE_S = 10.0
# For single steps, so that an abandoned thread ends too.
_STEP_S = 5
# Threads, abandoned ones included. Apart from all others: a slow server holds only its own up.
_THREADS = 4
_SUCCESS, _SIZE_LIMIT = 0, 4
_INVALID_CREDENTIALS = 49


class _Entry(msgspec.Struct, frozen=True):
    dn: str
    attributes: Mapping[str, Any]


class LdapDirectory:
    """Implements `Directory`. `warnings` are for the user who wrote `[ldap]`."""

    def __init__(self, settings: LdapSettings, *, deadline_s: float = DEADLINE_S) -> None:
        self._settings = settings
        self._deadline_s = deadline_s
        self._threads = trio.CapacityLimiter(_THREADS)
        self.warnings: list[str] = []
        if importlib.util.find_spec("ldap3") is None:
            self.warnings.append(
                "[ldap]: the library ldap3 is missing, nobody can log in with LDAP: "
                f"{install_advice('ldap')}"
            )

    async def find(self, username: str, password: str) -> str | None:
        """`Directory.find`."""
        if not username or not password:
            return None
        if self.warnings:
            raise LdapUnavailable("the library ldap3 is missing")
        with trio.move_on_after(self._deadline_s):
            return await trio.to_thread.run_sync(
                _find,
                self._settings,
                username,
                password,
                limiter=self._threads,
                abandon_on_cancel=True,
            )
        raise LdapUnavailable(f"no answer within {self._deadline_s:g} s")


def _find(settings: LdapSettings, username: str, password: str) -> str | None:
    from ldap3.core.exceptions import LDAPException

    try:
        entry = _search(settings, username)
        # Somebody who does not exist takes as long as a wrong password.
        dn = f"cn={os.urandom(8).hex()},{settings.base_dn.reveal()}"
        is_let_in = _binds(settings, dn if entry is None else entry.dn, password)
    # An error of the library may quote what it was given: only its kind is told.
    except (LDAPException, OSError, UnicodeError) as exc:
        raise LdapUnavailable(f"{settings.host}:{settings.port}: {type(exc).__name__}") from None
    if entry is None or not is_let_in or not _is_member(settings, entry):
        return None
    return _name(settings, entry)


def _search(settings: LdapSettings, username: str) -> _Entry | None:
    from ldap3 import SUBTREE

    user = settings.bind_dn.reveal() if settings.bind_dn else None
    bound_with = settings.bind_password.reveal() if settings.bind_password else None
    with _connected(settings, user, bound_with) as connection:
        if not connection.bind():
            raise LdapUnavailable(f"refuses bind_dn ({_said(connection)})")
        connection.search(
            settings.base_dn.reveal(),
            _filter(settings, username),
            search_scope=SUBTREE,
            attributes=[_attribute(settings), settings.membership_attribute],
            size_limit=2,
            time_limit=_STEP_S,
        )
        if connection.result["result"] not in (_SUCCESS, _SIZE_LIMIT):
            raise LdapUnavailable(f"search: {_said(connection)}")
        found = [
            _Entry(one["dn"], one["attributes"])
            for one in connection.response
            if one["type"] == "searchResEntry"
        ]
    if len(found) > 1:
        logger.warning("LDAP: one name stands for several entries: make user_filter narrower")
    return found[0] if len(found) == 1 else None


def _binds(settings: LdapSettings, dn: str, password: str) -> bool:
    with _connected(settings, dn, password) as connection:
        if connection.bind():
            return True
        if connection.result["result"] != _INVALID_CREDENTIALS:
            logger.info("LDAP: a user is not let in (%s)", _said(connection))
        return False


@contextlib.contextmanager
def _connected(settings: LdapSettings, user: str | None, bound_with: str | None) -> Iterator[Any]:
    import ldap3

    tls = None
    if settings.secure:
        checked = ssl.CERT_REQUIRED if settings.verify_certificate else ssl.CERT_NONE
        ca_file = None if settings.ca_file is None else str(settings.ca_file)
        tls = ldap3.Tls(validate=checked, ca_certs_file=ca_file)
    server = ldap3.Server(
        settings.host,
        settings.port,
        use_ssl=settings.secure,
        tls=tls,
        get_info=ldap3.NONE,
        connect_timeout=_STEP_S,
    )
    connection = ldap3.Connection(
        server,
        user,
        bound_with,
        read_only=True,
        auto_referrals=False,
        receive_timeout=_STEP_S,
    )
    try:
        connection.open()
        yield connection
        connection.unbind()
    finally:
        # The library leaves it open when the connection or TLS fails.
        if connection.socket is not None:
            connection.socket.close()


def _filter(settings: LdapSettings, username: str) -> str:
    from ldap3.utils.conv import escape_filter_chars

    typed = escape_filter_chars(username)
    if settings.user_filter:
        return settings.user_filter.reveal().replace(PLACEHOLDER, typed)
    return f"(&(objectClass=person)({_attribute(settings)}={typed}))"


def _attribute(settings: LdapSettings) -> str:
    """The attribute that holds a user's name."""
    if settings.user_filter:
        match = re.search(rf"([A-Za-z][A-Za-z0-9-]*)={PLACEHOLDER}", settings.user_filter.reveal())
        if match:
            return match[1]
    return "sAMAccountName" if settings.is_active_directory else "uid"


def _name(settings: LdapSettings, entry: _Entry) -> str | None:
    """The name as the server writes it: `Anna` and `anna` are one user with one role."""
    values = _texts(entry, _attribute(settings))
    if not values:
        logger.warning("LDAP: a user's entry does not show its %s", _attribute(settings))
    return values[0] if values else None


def _is_member(settings: LdapSettings, entry: _Entry) -> bool:
    if not settings.group_dn:
        return True
    wanted, groups = settings.group_dn.reveal(), _texts(entry, settings.membership_attribute)
    if settings.check_dn_case:
        return wanted in groups
    return wanted.casefold() in (group.casefold() for group in groups)


def _texts(entry: _Entry, attribute: str) -> list[str]:
    value = entry.attributes.get(attribute, ())
    if isinstance(value, str):
        return [value]
    return [one for one in value if isinstance(one, str)] if isinstance(value, Sequence) else []


def _said(connection: Any) -> str:
    return str(connection.result.get("description", "no reason given"))
