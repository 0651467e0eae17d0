"""access.* for everybody: log-in, logout, tokens, and who one is.

What one socket asks is done in its order (`account_turns.py`), so that behind a log-in it is done
as the user who logged in.
"""

from config.settings.authorization import AuthorizationSettings
from mrk.access.accounts import MOONRAKER, Account, TokenRefused
from mrk.access.tokens import TokenKind
from mrk.access.user_names import checked_source, is_reserved
from mrk.access.users import User
from mrk.api.caller import NOT_OVER_MQTT, Caller
from mrk.api.endpoint import Access, Endpoint, NoParams, get, post
from mrk.definitions.roles import Role
from mrk.errors import ClientError
from nurseries.access import store
from nurseries.access.account_cache import AccountCache
from nurseries.access.account_turns import AccountTurns
from nurseries.access.hashing import PasswordHashing
from nurseries.access.logins import Logins
from nurseries.access.messages import (
    AccessInfo,
    CurrentUser,
    Done,
    LoggedIn,
    LoggedInAction,
    LoginParams,
    PasswordParams,
    Refreshed,
    RefreshParams,
)
from nurseries.access.open_sockets import UserSockets


class SessionEndpoints:
    """Answers for the caller's own sake."""

    def __init__(
        self,
        settings: AuthorizationSettings,
        book: AccountCache,
        logins: Logins,
        hasher: PasswordHashing,
        sockets: UserSockets,
        turns: AccountTurns,
    ) -> None:
        self._settings = settings
        self._book = book
        self._logins = logins
        self._hasher = hasher
        self._sockets = sockets
        self._turns = turns
        self._since_s = book.wall_clock()

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [*self._log_in_and_out(), *self._about_the_caller()]

    def _log_in_and_out(self) -> list[Endpoint]:
        return [
            post(
                "/access/login",
                self.login,
                "Check a user's credentials and return tokens; a socket becomes that user's.",
                Access.OPEN,
                LoginParams,
                LoggedIn,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/logout",
                self.logout,
                "Log the calling user out everywhere.",
                Access.VIEW,
                result=Done,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/refresh_jwt",
                self.refresh_jwt,
                "Exchange a refresh token for a new access token.",
                Access.OPEN,
                RefreshParams,
                Refreshed,
                transports=NOT_OVER_MQTT,
            ),
        ]

    def _about_the_caller(self) -> list[Endpoint]:
        return [
            get(
                "/access/user",
                self.get_user,
                "Tell which user the caller is.",
                Access.VIEW,
                result=CurrentUser,
                transports=NOT_OVER_MQTT,
            ),
            post(
                "/access/user/password",
                self.change_password,
                "Change the calling user's password.",
                Access.VIEW,
                PasswordParams,
                Done,
                transports=NOT_OVER_MQTT,
            ),
            get(
                "/access/oneshot_token",
                self.oneshot_token,
                "Issue a token that authorizes one request through its query string.",
                Access.VIEW,
                result=str,
                transports=NOT_OVER_MQTT,
            ),
            get(
                "/access/info",
                self.info,
                "Describe how callers can log in, and what this one may do.",
                Access.OPEN,
                result=AccessInfo,
                transports=NOT_OVER_MQTT,
            ),
        ]

    async def login(self, params: LoginParams, caller: Caller) -> LoggedIn:
        """Log a user in; all refusals look the same."""
        source = checked_source(params.source, self._settings.default_source)
        name, password, address = params.username, params.password, caller.address
        with self._logins.attempt(source, address):
            async with self._turns.turn(caller, None):
                user = await self._logins.log_in(name, password, source, address)
                answer = await logged_in(self._book, user)
                self._sockets.log_in(caller, user.account)
        return answer

    async def logout(self, _params: NoParams, caller: Caller) -> Done:
        """End all tokens of the caller, and shut its websockets out."""
        async with self._turns.turn(caller, Role.VIEW) as now:
            name = self._own(now).username
            await self._book.change(lambda connection: store.log_out(connection, name))
        return Done(name, "user_logged_out")

    async def refresh_jwt(self, params: RefreshParams, _caller: Caller) -> Refreshed:
        """A new access token."""
        await self._book.load_tokens()
        try:
            user = self._book.refresh_user(params.refresh_token)
        except TokenRefused as exc:
            raise ClientError(f"Refresh token refused ({exc}): log in again", 401) from None
        token = self._book.issue(user, TokenKind.ACCESS)
        return Refreshed(user.username, token, user.account.source)

    async def get_user(self, _params: NoParams, caller: Caller) -> CurrentUser:
        """The caller's user; the reserved names stand for trusted clients and keys."""
        async with self._turns.turn(caller, Role.VIEW) as now:
            account = self._account(now)
        if account is None:
            return CurrentUser()
        return CurrentUser(account.username, account.source, account.created_on)

    async def change_password(self, params: PasswordParams, caller: Caller) -> Done:
        """Give the caller another password; tokens stay valid."""
        with self._logins.attempt(MOONRAKER, caller.address):
            async with self._turns.turn(caller, Role.VIEW) as now:
                user = self._own(now)
                await self._change_password(user, params, caller.address)
        return Done(user.username, "user_password_reset")

    async def _change_password(
        self, user: User, params: PasswordParams, address: str | None
    ) -> None:
        if not user.is_local:
            raise ClientError("The password of an LDAP user is changed where LDAP is managed")
        if not await self._logins.is_password(user, params.password, address):
            raise ClientError("Argument 'password' is not the current password")
        stored = await self._hasher.hash(params.new_password)
        name = user.username
        await self._book.change(lambda c: store.set_password(c, name, stored))

    def oneshot_token(self, _params: NoParams, caller: Caller) -> str:
        """A token for one request from the caller's address, within 5 s."""
        if caller.address is None:
            raise ClientError("A one-shot token belongs to a client's address; you have none")
        return self._book.oneshot(self._account(caller), caller.address)

    def info(self, _params: NoParams, caller: Caller) -> AccessInfo:
        """How to log in, and what the caller is."""
        return AccessInfo(
            default_source=self._settings.default_source,
            available_sources=self._logins.sources,
            login_required=self._settings.force_logins and self._book.has_users,
            trusted=caller.trusted,
            authorized=caller.authorized,
            reason=caller.reason.explain(caller.address),
            user=caller.user,
            role=caller.role.word if caller.authorized else None,
        )

    def _own(self, caller: Caller) -> User:
        """The caller's user; raises `ClientError` 400 when it is no person."""
        user = self._book.user(caller.user)
        if user is None:
            raise ClientError("The caller is not logged in as a user")
        return user

    def _account(self, caller: Caller) -> Account | None:
        if caller.user is None:
            return None
        user = self._book.user(caller.user)
        if user is not None:
            return user.account
        for key in self._book.snapshot.keys:
            if key.account.username == caller.user:
                return key.account
        if is_reserved(caller.user):
            return Account(caller.user, MOONRAKER, caller.role, self._since_s)
        return None


async def logged_in(
    book: AccountCache, user: User, action: LoggedInAction = "user_logged_in"
) -> LoggedIn:
    """The answer with fresh tokens of a user."""
    await book.load_tokens()
    return LoggedIn(
        username=user.username,
        token=book.issue(user, TokenKind.ACCESS),
        refresh_token=book.issue(user, TokenKind.REFRESH),
        action=action,
        source=user.account.source,
    )
