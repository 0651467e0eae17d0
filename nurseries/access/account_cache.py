"""Users, keys and tokens in memory; the database is asked only for changes.

What is in memory is always one reading of the database as a whole: each change writes and reads
in one transaction, and a reading replaces all older ones. Other processes (`mrk user`) write the
same file; `look` notices that. `Authorization.serve` loads it and looks.
"""

import base64
import itertools
import logging
import os
import time
from collections.abc import Callable
from typing import TypeVar

import trio

from mrk.access import tokens
from mrk.access.accounts import Account, TokenRefused
from mrk.access.keys import find_key
from mrk.access.oneshot import RANDOM_BYTES, OneshotTokens
from mrk.access.reasons import Reason
from mrk.access.tokens import Named, TokenKind
from mrk.access.users import AccountSnapshot, Change, Deleted, KeyRevoked, LoggedOut, User, changes
from mrk.database.database_protocols import SqlConnection, TablesPort
from mrk.errors import ClientError
from nurseries.access import store

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class AccountCache:
    """Implements `mrk.access.accounts.Accounts`. `tell` hears of changes.

    `login_timeout_s` is how long a refresh token lives.
    """

    def __init__(
        self,
        tables: TablesPort,
        tell: Callable[[list[Change]], None],
        *,
        enable_api_key: bool,
        login_timeout_s: float,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._tables = tables
        self._tell = tell
        self._enable_api_key = enable_api_key
        self._login_timeout_s = login_timeout_s
        self.wall_clock = wall_clock
        self._snapshot: AccountSnapshot | None = None
        self._applied = -1
        self._data_version = -1
        # A change was given up before its end was known: whether it was made, the database knows.
        self._doubtful = False
        # Counts in the database's thread, in the order of transactions.
        self._readings = itertools.count()
        self._oneshots = OneshotTokens()
        self._loading_tokens = trio.Lock()
        self._tokens_loaded = False

    # The database

    async def load(self) -> None:
        """Read everything, for the first time."""
        now_s = self.wall_clock()
        await self.change(lambda connection: store.prepare(connection, now_s))
        await self.look()

    async def change(self, write: Callable[[SqlConnection], Result]) -> Result:
        """Run `write` and take over what the database then holds.

        Raises what `write` raises, and `ClientError` as the database does; then nothing changed.
        """

        def run(connection: SqlConnection) -> tuple[Result, AccountSnapshot, int]:
            result = write(connection)
            return result, store.read(connection), next(self._readings)

        try:
            result, snapshot, number = await self._tables.run(run, durable=True)
        except BaseException:
            self._doubtful = True
            raise
        self._apply(snapshot, number)
        return result

    async def look(self) -> bool:
        """Whether another process wrote the database; what it wrote of users is taken over."""
        known = -1 if self._doubtful else self._data_version
        self._doubtful = False

        def run(connection: SqlConnection) -> tuple[int, AccountSnapshot | None, int]:
            version = _data_version(connection)
            snapshot = None if version == known else store.read(connection)
            return version, snapshot, next(self._readings)

        try:
            self._data_version, snapshot, number = await self._tables.run(run)
        except BaseException:
            self._doubtful = True
            raise
        if snapshot is not None:
            self._apply(snapshot, number)
        return snapshot is not None

    def _apply(self, snapshot: AccountSnapshot, number: int) -> None:
        if number < self._applied:
            return  # a later one was quicker
        old, self._snapshot, self._applied = self._snapshot, snapshot, number
        found = [] if old is None else changes(old, snapshot)
        for change in found:
            if isinstance(change, LoggedOut | Deleted | KeyRevoked):
                self._oneshots.forget(change.username)
        if found:
            self._tell(found)

    # What is known

    @property
    def snapshot(self) -> AccountSnapshot:
        """The newest reading. Raises `ClientError` 503 before the first."""
        if self._snapshot is None:
            raise ClientError("Users are not loaded yet", 503)
        return self._snapshot

    def user(self, username: str | None) -> User | None:
        """A user by name."""
        return None if username is None else self.snapshot.users.get(username)

    @property
    def has_users(self) -> bool:
        """`Accounts.has_users`; before they are loaded there may be some."""
        return self._snapshot is None or bool(self._snapshot.users)

    # Tokens and keys

    @property
    def tokens_loaded(self) -> bool:
        """`Accounts.tokens_loaded`; a token that is nobody's needs no library."""
        return self._tokens_loaded or not self.has_users

    async def load_tokens(self) -> None:
        """Have a thread load what reads tokens, unless they are nobody's.

        To be waited for before a token is looked at: a slow disk takes seconds. Not at the start,
        because it is 6 to 16 MB, and most have no users, or users that never log in.
        """
        if not self.tokens_loaded:
            await self.load_token_library()

    async def load_token_library(self) -> None:
        """The same also while there is no user yet."""
        async with self._loading_tokens:
            if not self._tokens_loaded:
                await trio.to_thread.run_sync(tokens.load_library, abandon_on_cancel=True)
            self._tokens_loaded = True

    def token_account(self, token: str, *, expired_too: bool = False) -> Account:
        """`Accounts.token_account`."""
        return self._named(token, TokenKind.ACCESS, expired_too=expired_too).account

    def refresh_user(self, token: str) -> User:
        """The user whom a refresh token names. Raises `TokenRefused`."""
        return self._named(token, TokenKind.REFRESH)

    def issue(self, user: User, kind: TokenKind) -> str:
        """A token for a user that is logged in. Raises `ClientError` 401 for another."""
        if user.kid is None:
            raise Reason.REVOKED.denied_call(None)
        life_s = tokens.ACCESS_LIFE_S if kind is TokenKind.ACCESS else self._login_timeout_s
        named = Named(user.username, user.kid)
        return tokens.issue(self.snapshot.signing_key, named, kind, self.wall_clock(), life_s)

    def _named(self, text: str, kind: TokenKind, *, expired_too: bool = False) -> User:
        if self._snapshot is None:
            raise TokenRefused("users are not loaded yet")
        if not self._snapshot.users:  # the library is not loaded for a token that is nobody's
            raise TokenRefused("a token, where there are no users")
        now_s = self.wall_clock()
        signing = self._snapshot.signing_key
        named = tokens.read(text, signing, kind, now_s, expired_too=expired_too)
        user = self._snapshot.users.get(named.username)
        if user is None or user.kid is None or not tokens.same_kid(named.kid, user.kid):
            raise TokenRefused("a token that ended with a logout, or of a user who is gone")
        return user

    def oneshot(self, account: Account | None, address: str) -> str:
        """A new one-shot token."""
        text = base64.b32encode(os.urandom(RANDOM_BYTES)).decode()
        self._oneshots.add(text, account, address, trio.current_time())
        return text

    def take_oneshot(self, token: str, address: str) -> Account | None:
        """`Accounts.take_oneshot`."""
        return self._oneshots.take(token, address, trio.current_time())

    def key_account(self, key: str) -> Account | None:
        """`Accounts.key_account`."""
        if self._snapshot is None or not self._enable_api_key:
            return None
        found = find_key(key, self._snapshot.keys)
        return None if found is None else found.account


def _data_version(connection: SqlConnection) -> int:
    # Changes when another connection has written.
    return int(connection.execute("PRAGMA data_version").fetchone()[0])
