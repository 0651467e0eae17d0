"""Checks names and passwords, here or with an LDAP server; slows down who guesses.

All refusals look the same and take as long, whatever was wrong: a name that is not known, a
password, a user of the other source. Runs in the tasks of those who log in.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Protocol

import trio

from mrk.access.accounts import LDAP, MOONRAKER
from mrk.access.login_guard import Count, LoginGuard
from mrk.access.user_names import checked_name, is_reserved
from mrk.access.users import User
from mrk.database.database_protocols import TablesPort
from mrk.errors import ClientError, MrkError
from nurseries.access import store
from nurseries.access.account_cache import AccountCache
from nurseries.access.hashing import PasswordHashing
from nurseries.access.login_slots import LoginSlots

logger = logging.getLogger(__name__)
# Moonraker's for a wrong password and an unknown user; one for all, so that it tells nothing.
REFUSED_STATUS = 400
REFUSED = "Log-in refused: check user name, password and source"
LOCKED_OUT = (
    "Too many failed log-ins from this address: wait a day, or run 'mrk user unlock' on the host"
)


class LdapUnavailable(MrkError):
    """The LDAP server did not answer, or not to us; says nothing of the user."""


class Directory(Protocol):
    """An LDAP server."""

    async def find(self, username: str, password: str) -> str | None:
        """The name of the user as the server writes it, None if it does not let it in.

        Raises `LdapUnavailable`.
        """


class Logins:
    """Log-ins of users. `directory` is None without LDAP."""

    def __init__(
        self,
        book: AccountCache,
        tables: TablesPort,
        hasher: PasswordHashing,
        guard: LoginGuard,
        directory: Directory | None,
    ) -> None:
        self._book = book
        self._tables = tables
        self._hasher = hasher
        self._guard = guard
        self._directory = directory
        # Apart, so that a slow LDAP server takes no place from local users.
        self._places = {MOONRAKER: LoginSlots(), LDAP: LoginSlots()}

    @property
    def sources(self) -> list[str]:
        """Where users may come from."""
        return [MOONRAKER] if self._directory is None else [MOONRAKER, LDAP]

    async def load(self) -> None:
        """Read the failures that an earlier process, or another, counted."""
        counts = await self._tables.run(store.read_counts)
        await self._store(self._guard.load(counts, self._book.wall_clock()), [])

    async def look(self) -> None:
        """Take over what another process, such as `mrk user`, wrote meanwhile."""
        try:
            if await self._book.look():
                await self.load()
        except ClientError as exc:
            logger.warning("cannot look for changed users: %s", exc.message)

    def attempt(self, source: str, address: str | None) -> AbstractContextManager[None]:
        """To be held around an attempt, and while it waits to begin.

        Entering raises `ClientError` 429 when too many are under way.
        """
        return self._places[source].place(address)

    async def log_in(self, username: str, password: str, source: str, address: str | None) -> User:
        """The user, logged in, within an `attempt`. Raises `ClientError`: refused, locked out."""
        check = self._log_in_ldap if source == LDAP else self._log_in_here
        user = await self._guarded(username, address, lambda: check(username, password))
        if user is None:
            raise ClientError(REFUSED, REFUSED_STATUS)
        return user

    async def is_password(self, user: User, password: str, address: str | None) -> bool:
        """Whether it is the password of a local user; an `attempt` as a log-in is."""

        async def check() -> User | None:
            left = self._book.snapshot.imported_left
            verdict = await self._hasher.check(password, user.stored, imported_left=left)
            return user if verdict.right else None

        return await self._guarded(user.username, address, check) is not None

    async def _guarded(
        self,
        username: str,
        address: str | None,
        check: Callable[[], Awaitable[User | None]],
    ) -> User | None:
        """What `check` says, after the wait that failures have earned; counts it."""
        await self.look()
        self._let_in(address)
        await trio.sleep(self._guard.wait_s(address, username, self._book.wall_clock()))
        self._let_in(address)
        try:
            user = await check()
        except LdapUnavailable as exc:
            logger.warning("LDAP: %s; nobody can log in with it meanwhile", exc)
            return None
        if user is None:
            logger.info("refused a log-in from %s", address or "the unix socket")
            now_s = self._book.wall_clock()
            await self._store(*self._guard.failed(address, username, now_s))
        else:
            await self._store([], self._guard.succeeded(address, username))
        return user

    def _let_in(self, address: str | None) -> None:
        if self._guard.is_locked_out(address, self._book.wall_clock()):
            raise ClientError(LOCKED_OUT, 401)

    async def _store(self, stored: list[Count], removed: list[Count]) -> None:
        if not stored and not removed:
            return
        try:
            await self._tables.run(lambda c: store.write_counts(c, stored, removed))
        except ClientError as exc:
            logger.warning("failed log-ins are not stored: %s", exc.message)

    async def _log_in_here(self, username: str, password: str) -> User | None:
        # Once more if the password was changed, or renewed by another log-in, meanwhile.
        for _ in range(2):
            snapshot = self._book.snapshot
            user = snapshot.users.get(username)
            local = user if user is not None and user.is_local else None
            verdict = await self._hasher.check(
                password,
                None if local is None else local.stored,
                imported_left=snapshot.imported_left,
            )
            if local is None or not verdict.right:
                return None
            # As a rule nothing is to be stored: the disk may be full.
            if local.kid and verdict.renewed is None and self._book.user(username) == local:
                return local
            try:
                return await self._stored_log_in(local, verdict.renewed)
            except store.PasswordChanged:
                continue
        return None

    async def _stored_log_in(self, user: User, renewed: str | None) -> User | None:
        try:
            await self._book.change(lambda c: store.log_in(c, user.username, user.stored, renewed))
        except ClientError as exc:
            if not user.kid:
                raise
            logger.warning("the password of a user is not renewed: %s", exc.message)
        return self._book.user(user.username)

    async def _log_in_ldap(self, username: str, password: str) -> User | None:
        # Many LDAP servers let everybody in who gives no password at all.
        if self._directory is None or not password or is_reserved(username):
            return None
        name = await self._directory.find(username, password)
        if name is None:
            return None
        try:
            checked_name("username", name)
            now_s = self._book.wall_clock()
            known = self._book.user(name)
            if known is None or not known.kid or known.is_local:
                await self._book.change(lambda c: store.log_in_ldap(c, name, now_s))
        except store.PasswordChanged:
            logger.warning("LDAP: a local user has the name of one of LDAP, and keeps it")
            return None
        return self._book.user(name)
