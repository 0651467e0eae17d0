"""The subsystem `authorization`: users, tokens and keys, and the access.* methods.

`serve` loads them before anybody is let in, and looks now and then whether `mrk user` changed
them from outside. Whether a request is let in is decided elsewhere, with what `accounts` knows.
"""

import time
from collections.abc import Callable

import trio

from config.settings.authorization import AuthorizationSettings
from mrk.access.accounts import Accounts
from mrk.access.login_guard import LoginGuard
from mrk.api.endpoint import Endpoint
from mrk.clients.registry import Clients
from mrk.database.database_protocols import TablesPort
from nurseries.access.account_cache import AccountCache
from nurseries.access.account_turns import AccountTurns
from nurseries.access.announcer import AccountAnnouncer
from nurseries.access.hashing import Hasher, PasswordHashing
from nurseries.access.key_endpoints import KeyEndpoints
from nurseries.access.logins import Directory, Logins
from nurseries.access.open_sockets import UserSockets
from nurseries.access.session_endpoints import SessionEndpoints
from nurseries.access.user_endpoints import UserEndpoints

# A revocation from the command line takes effect within this.
LOOK_S = 2.0
_DAY_S = 24 * 3600.0


class Authorization:
    """Users and what belongs to them.

    `directory` is None without an LDAP server.
    """

    def __init__(
        self,
        settings: AuthorizationSettings,
        tables: TablesPort,
        clients: Clients,
        directory: Directory | None = None,
        *,
        hasher: PasswordHashing | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        sockets = UserSockets(clients)
        self._announcer = AccountAnnouncer(clients, sockets)
        self._book = AccountCache(
            tables,
            self._announcer.take,
            enable_api_key=settings.enable_api_key,
            login_timeout_s=settings.login_timeout_days * _DAY_S,
            wall_clock=wall_clock,
        )
        hasher = hasher or Hasher()
        guard = LoginGuard(settings.max_login_attempts)
        self._logins = Logins(self._book, tables, hasher, guard, directory)
        turns = AccountTurns(clients)
        self._groups = (
            SessionEndpoints(settings, self._book, self._logins, hasher, sockets, turns),
            UserEndpoints(settings, self._book, hasher, turns),
            KeyEndpoints(self._book, turns),
        )

    @property
    def accounts(self) -> Accounts:
        """For who decides about requests."""
        return self._book

    def endpoints(self) -> list[Endpoint]:
        """What clients may ask."""
        return [endpoint for group in self._groups for endpoint in group.endpoints()]

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Started when users and keys are known; nobody should be let in before."""
        await self._book.load()
        await self._logins.load()
        task_status.started()
        while True:
            await trio.sleep(LOOK_S)
            await self._logins.look()
